"""The operations of openapi.json, for tests that must not overlook one."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_FILE = Path(__file__).parents[2] / "openapi.json"


@dataclass(frozen=True, slots=True)
class Operation:
    method: str
    path: str
    described: dict[str, Any]

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def path_parameters(self) -> tuple[str, ...]:
        return tuple(re.findall(r"{(\w+)}", self.path))

    @property
    def query_parameters(self) -> tuple[str, ...]:
        return tuple(
            one["name"] for one in self.described.get("parameters", []) if one["in"] == "query"
        )

    @property
    def takes_idempotency_key(self) -> bool:
        names = [one["name"].lower() for one in self.described.get("parameters", [])]
        return "idempotency-key" in names

    @property
    def takes_body(self) -> bool:
        return "requestBody" in self.described


def operations() -> list[Operation]:
    document = json.loads(_FILE.read_text())
    return [
        Operation(method.upper(), path, described)
        for path, methods in document["paths"].items()
        for method, described in methods.items()
    ]

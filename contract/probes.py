"""A look through LiveKit without a call: is an agent registered there, do its webhooks reach us?

The API opens a room for a moment; whoever is asked writes an answer into the room's metadata, where
any replica can read it. No job is taken and nobody joins.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

_ROOM_PREFIX = "probe-"

PROBE_JOB = json.dumps({"probe": True})
"""Job metadata that asks an agent server to answer instead of joining."""


@dataclass(frozen=True, slots=True)
class ProbeAnswer:
    """`data` is for operators: no secret, no address of a person."""

    data: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> str:
        return json.dumps({"probe_answer": self.data})

    @classmethod
    def parse(cls, metadata: str) -> ProbeAnswer | None:
        """None for what is no answer."""
        raw = _object(metadata).get("probe_answer")
        return cls(raw) if isinstance(raw, dict) else None


def probe_room(subject: str, unique: str) -> str:
    return f"{_ROOM_PREFIX}{subject}-{unique}"


def is_probe_room(name: str, subject: str) -> bool:
    return name.startswith(f"{_ROOM_PREFIX}{subject}-")


def is_probe_job(metadata: str) -> bool:
    return _object(metadata).get("probe") is True


def _object(text: str) -> dict[str, Any]:
    try:
        raw = json.loads(text)
    except ValueError:
        return {}
    return raw if isinstance(raw, dict) else {}

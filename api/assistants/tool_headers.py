"""The values of tools' headers: secrets. Kept sealed, told to a call's agents and nobody else."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from engine.sealing import Sealing
from store.assistants import StoredAssistant, headers_place

# Stands for a value in every answer; sent back, it keeps the value.
HIDDEN = "[hidden]"

Values = dict[str, dict[str, str]]  # by the tool's name and the header's


def tools_of(config: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The HTTP tools of an assistant as it is stored."""
    tools: list[dict[str, Any]] = config.get("tools", {}).get("http", [])
    return tools


def with_headers(config: Mapping[str, Any], values: Values | None) -> dict[str, Any]:
    """The configuration with those values, without headers that have none; None hides them all."""
    tools = [
        tool
        | {
            "headers": dict.fromkeys(tool["headers"], HIDDEN)
            if values is None
            else values.get(tool["name"], {})
        }
        for tool in tools_of(config)
    ]
    if not tools:
        return dict(config)
    return {**config, "tools": {**config["tools"], "http": tools}}


def clear_values(config: Mapping[str, Any]) -> Values:
    """What stands in a configuration itself: it was written before values were sealed."""
    found = {
        tool["name"]: {name: text for name, text in tool["headers"].items() if text != HIDDEN}
        for tool in tools_of(config)
    }
    return {tool: headers for tool, headers in found.items() if headers}


def seal_values(sealing: Sealing, tenant_id: str, assistant_id: str, values: Values) -> str:
    return sealing.seal(json.dumps(values), headers_place(tenant_id, assistant_id))


def open_values(sealing: Sealing | None, stored: StoredAssistant) -> Values:
    """Raises ValueError, which repeats nothing of a value."""
    values = clear_values(stored.config)
    if not stored.sealed_headers:
        return values
    if sealing is None:
        raise ValueError("There are no payload keys.")
    text = sealing.open(stored.sealed_headers, headers_place(stored.tenant_id, stored.id))
    for tool, headers in json.loads(text).items():
        values[tool] = headers | values.get(tool, {})
    return values


def origin_of(url: str) -> tuple[str, str, int]:
    """Who is told a tool's headers."""
    parts = urlsplit(url)
    usual = 443 if parts.scheme == "https" else 80
    return parts.scheme, parts.hostname or "", parts.port or usual

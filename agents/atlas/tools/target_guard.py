"""The connections of tools, which lead only where tools may ask."""

from __future__ import annotations

import aiohttp

from contract.tool_targets import ToolTargets
from engine.guarded_http import guarded_session


def tool_session(targets: ToolTargets) -> aiohttp.ClientSession:
    return guarded_session(
        targets, "a tool's address is neither public nor in TOOL_PRIVATE_NETWORKS"
    )

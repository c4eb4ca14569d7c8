"""Ports for the audio of calls in tests."""

from __future__ import annotations

from bridge.rtp import PortRange

# Below what stacks take for their servers (sandbox/stack/ports.py) and SIPp for itself
# (tests/bridge/sipp/process.py): all of them may run at once.
FIRST, LAST = 10_000, 15_999


def audio_ports(*, rest: float = 10.0) -> PortRange:
    """`rest` in seconds."""
    return PortRange(FIRST, LAST, rest=rest)

"""What a client sent, in order and with its times: tests assert what was not sent before what."""

from __future__ import annotations

import time
from typing import Any

from sandbox.providers.faults import Vendor

OPERATION = "realtime"


class WireLog:
    """The log of one session. `at` is wall clock, `monotonic` the machine's CLOCK_MONOTONIC."""

    def __init__(self, vendor: Vendor, session_id: str) -> None:
        self._vendor, self._session = vendor, session_id
        self._appends: dict[str, Any] | None = None

    def note(self, event: str, **details: Any) -> dict[str, Any]:
        """An entry that may be filled in further."""
        monotonic = time.monotonic()
        return self._vendor.asked(
            OPERATION, event=event, session=self._session, monotonic=monotonic, **details
        )

    def client(self, event: dict[str, Any]) -> None:
        """Any event that was an object, good or bad, without its audio."""
        self._appends = None
        body = {name: _without_audio(value, name) for name, value in event.items()}
        self.note("client", type=event.get("type"), body=body)

    def append(self, seconds: float) -> None:
        """A run of appends is one entry: a call sends ten a second."""
        if self._appends is None:
            self._appends = self.note(
                "client", type="input_audio_buffer.append", count=0, seconds=0.0
            )
        self._appends["count"] += 1
        self._appends["seconds"] = round(self._appends["seconds"] + seconds, 3)
        self._appends |= {"last_at": time.time(), "last_monotonic": time.monotonic()}


def _without_audio(value: Any, name: str = "") -> Any:
    if isinstance(value, dict):
        return {key: _without_audio(inner, key) for key, inner in value.items()}
    if isinstance(value, list):
        return [_without_audio(inner) for inner in value]
    if isinstance(value, str) and name in ("audio", "image_url"):
        return f"({len(value)} characters)"
    return value

"""A ladder as plain text: time, arrow, message, the far side's address where it changes."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from bridge.addresses import in_uri
from bridge.ladder.message_line import message_line
from bridge.ladder.record import SipMessage

_RIGHT, _LEFT = "us ──▶", "us ◀──"


class TextLadder:
    """Written line by line, so that a ladder of a call that crashed us is there too."""

    def __init__(self, file: Path) -> None:
        """Raises OSError."""
        self._file: TextIO = file.open("w", encoding="utf-8")
        self._lines = LadderLines()

    def __call__(self, message: SipMessage) -> None:
        for line in self._lines.of(message):
            self._file.write(line + "\n")
        self._file.flush()

    def close(self) -> None:
        self._file.close()


class LadderLines:
    """Numbers masked; seconds count from the first message."""

    def __init__(self) -> None:
        self._began: float | None = None
        self._peer = ""

    def of(self, message: SipMessage) -> list[str]:
        lines = []
        if self._began is None:
            self._began = message.at
            at = datetime.fromtimestamp(message.at, UTC)
            lines.append(f"SIP ladder, begun {at:%Y-%m-%d %H:%M:%S} UTC, numbers masked")
        flow = message.flow
        peer = f"{flow.transport} {in_uri(flow.remote.host)}:{flow.remote.port}"
        if peer != self._peer:
            self._peer = peer
            lines.append(f"{'':9} them: {peer}")
        arrow = _RIGHT if message.sent else _LEFT
        elapsed = message.at - self._began
        lines.append(f"{elapsed:9.3f} {arrow} {message_line(message.data).text}")
        return lines

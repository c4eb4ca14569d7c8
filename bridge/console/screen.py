"""What a person sees of a call: its ladder as it grows, and what happened in it, on stderr."""

from __future__ import annotations

import re
import sys
import time
from typing import Any

from rich.console import Console
from rich.text import Text

from bridge.ladder.masking import mask_text
from bridge.ladder.message_line import message_line
from bridge.ladder.record import SipMessage

# A far side's words must not steer the terminal that shows them.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_WIDE = 160  # columns where there is no terminal


class Screen:
    """`quiet`: problems only."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._began: float | None = None
        self._peer = ""
        width = None if sys.stderr.isatty() else _WIDE
        self._console = Console(stderr=True, highlight=False, width=width)

    def message(self, message: SipMessage) -> None:
        """A line of the ladder; numbers masked."""
        if self._quiet:
            return
        peer = f"{message.flow.transport} {message.flow.remote}"
        if peer != self._peer:
            self._peer = peer
            self._console.print(Text(f"{'':9}them: {peer}", style="dim"))
        style, arrow = ("cyan", "us ──▶") if message.sent else ("magenta", "us ◀──")
        self._line(message.at, (f"{arrow} {message_line(message.data).text}", style))

    def happened(self, text: str) -> None:
        if not self._quiet:
            self._line(time.time(), ("       • " + plain(text), "bold"))

    def note(self, text: str) -> None:
        if not self._quiet:
            self._console.print(Text(plain(text), style="dim"), soft_wrap=True)

    def warn(self, text: str) -> None:
        self._console.print(Text.assemble(("! ", "bold yellow"), plain(text)), soft_wrap=True)

    def fail(self, text: str) -> None:
        self._console.print(Text.assemble(("✗ ", "bold red"), plain(text)), soft_wrap=True)

    def done(self, text: str) -> None:
        if not self._quiet:
            self._console.print(Text.assemble(("✓ ", "green"), plain(text)), soft_wrap=True)

    def _line(self, at: float, *parts: tuple[str, str]) -> None:
        self._began = at if self._began is None else self._began
        line: list[Any] = [(f"{max(0.0, at - self._began):8.3f} ", "dim"), *parts]
        self._console.print(Text.assemble(*line), soft_wrap=True)


def plain(text: str) -> str:
    """Without numbers and without what steers a terminal."""
    return _CONTROL.sub("\ufffd", mask_text(text))

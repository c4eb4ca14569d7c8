"""Where words go: documents to stdout, everything said about them to stderr."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from cli.errors import CliError

# A caller's words must not steer the terminal that shows them.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_WIDE = 200  # columns of what is piped into another program


class Screen:
    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        # rich itself looks at NO_COLOR and whether there is a terminal.
        self.out = _console(sys.stdout)
        self.err = _console(sys.stderr)

    def document(self, document: object) -> None:
        """The one JSON document of a command."""
        print(json.dumps(document, indent=2, ensure_ascii=False))

    def line(self, document: object) -> None:
        """One of many JSON documents, a line each, at once."""
        print(json.dumps(document, ensure_ascii=False), flush=True)

    def note(self, text: str) -> None:
        """Said beside the result."""
        self.err.print(Text(plain(text), style="dim"))

    def done(self, text: str) -> None:
        self.err.print(Text.assemble(("✓ ", "green"), plain(text)))

    def fail(self, error: CliError) -> None:
        self.err.print(Text.assemble(("✗ ", "bold red"), plain(str(error))))
        for line in error.lines:
            field, _, message = plain(line).partition(": ")
            self.err.print(Text.assemble("  ", (field, "yellow"), f": {message}"))
        if self.as_json and not error.is_told:
            self.document(error.as_document())

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[Text | str]]) -> None:
        """The first column is an id, which is never cut."""
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
        for index, column in enumerate(columns):
            table.add_column(column, no_wrap=index == 0, overflow="fold")
        for row in rows:
            table.add_row(*(shown(cell) for cell in row))
        self.out.print(table)

    def fields(self, fields: Mapping[str, Text | str | None], *, title: str = "") -> None:
        """Name and value, a line each; what is None is left out."""
        if title:
            self.out.print(Text(plain(title), style="bold"))
        width = max((len(name) for name in fields), default=0) + 2
        for name, value in fields.items():
            if value is not None:
                line = Text.assemble("  ", (f"{name:<{width}}", "dim"), shown(value))
                # Left to the terminal to wrap, so that a link or token can be copied whole.
                self.out.print(line, soft_wrap=True)


def plain(text: str) -> str:
    return _CONTROL.sub("\ufffd", text)


def shown(value: Text | str) -> Text:
    return value if isinstance(value, Text) else Text(plain(value))


def clock(at: str | None, *, precise: bool = False) -> str:
    """Local time of day of a moment in ISO 8601; with its date unless it was today."""
    if at is None:
        return ""
    moment = datetime.fromisoformat(at).astimezone()
    time = f"{moment:%H:%M:%S}"
    if precise:
        return f"{time}.{moment.microsecond // 1000:03d}"
    today = datetime.now().astimezone().date()
    return time if moment.date() == today else f"{moment:%d %b %Y} {time}"


def seconds(value: float | None) -> str:
    if value is None:
        return ""
    if value < 60:
        return f"{value:.1f} s"
    minutes, rest = divmod(round(value), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def _console(stream: Any) -> Console:
    width = None if stream.isatty() else _WIDE
    return Console(file=stream, highlight=False, soft_wrap=False, width=width)

"""JSON or YAML from a file or from stdin."""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml  # type: ignore[import-untyped,unused-ignore]

from cli.errors import CliError, Exit, Usage

Document = Annotated[
    str,
    typer.Argument(metavar="FILE", help="JSON or YAML; `-` reads stdin.", show_default=False),
]
# What the API adds when it is read, so that what `show --json` gave can be sent back.
_READ_ONLY = ("created_at", "updated_at", "password_set")


def read_document(name: str) -> dict[str, Any]:
    """Raises Usage when it cannot be read, CliError (5) when it is not an object."""
    raw = _parsed("stdin" if name == "-" else name, _text(name))
    if not isinstance(raw, dict):
        raise CliError(Exit.INVALID, f"{name} holds no object with fields.")
    return _writable(raw)


def _writable(raw: dict[str, Any]) -> dict[str, Any]:
    return {
        field: _writable(value) if isinstance(value, dict) else value
        for field, value in raw.items()
        if field not in _READ_ONLY
    }


def _text(name: str) -> str:
    try:
        return sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise Usage(f"{name} is not text in UTF-8.") from None
    except OSError as trouble:
        raise Usage(f"{name} cannot be read: {trouble.strerror}.") from None


def _parsed(name: str, text: str) -> Any:
    with suppress(ValueError):
        return json.loads(text)
    try:
        # YAML knows dates, JSON does not: they go as they were written.
        return json.loads(json.dumps(yaml.safe_load(text), default=str))
    except (yaml.YAMLError, TypeError, RecursionError) as wrong:
        mark = getattr(wrong, "problem_mark", None)
        where = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise CliError(Exit.INVALID, f"{name} is neither JSON nor YAML{where}.") from None

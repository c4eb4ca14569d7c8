"""What can go wrong, each with the exit code that scripts see (docs/cli.md)."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import Any


class Exit(IntEnum):
    OK = 0
    CHECK_FAILED = 1  # doctor, smoke; a watched call that a fault of ours or a provider's ended
    USAGE = 2
    NOT_FOUND = 3
    REFUSED = 4
    INVALID = 5
    CONFLICT = 6
    AWAY = 7
    RATE_LIMITED = 8
    INTERRUPTED = 130


class CliError(Exception):
    """`lines` follow the sentence, one each; `problem` is the API's document, if it sent one.

    `is_told`: stdout has a JSON document already that says it.
    """

    def __init__(
        self,
        exit_code: Exit,
        sentence: str,
        *,
        lines: Sequence[str] = (),
        problem: dict[str, Any] | None = None,
        is_told: bool = False,
    ) -> None:
        super().__init__(sentence)
        self.exit_code = exit_code
        self.lines = tuple(lines)
        self.problem = problem
        self.is_told = is_told

    def as_document(self) -> dict[str, Any]:
        told = self.problem or {"detail": str(self), "errors": list(self.lines)}
        return {"error": told | {"exit_code": int(self.exit_code)}}


class Usage(CliError):
    def __init__(self, sentence: str) -> None:
        super().__init__(Exit.USAGE, sentence)


class Away(CliError):
    """Nobody answers, or whoever does is no API of ours."""

    def __init__(self, sentence: str) -> None:
        super().__init__(Exit.AWAY, sentence)


_BY_STATUS = {
    401: Exit.REFUSED,
    403: Exit.REFUSED,
    404: Exit.NOT_FOUND,
    409: Exit.CONFLICT,
    429: Exit.RATE_LIMITED,
}


def exit_code_of(status: int) -> Exit:
    """Of an HTTP status that is no success."""
    if status >= 500:
        return Exit.AWAY
    return _BY_STATUS.get(status, Exit.INVALID)

"""How a process reads its settings, and what it says when it cannot start with them."""

from __future__ import annotations

import sys
from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic_settings import BaseSettings, SettingsError

from engine.secret_files import FILE_ERROR

BAD_SETTINGS = 2

_Settings = TypeVar("_Settings", bound=BaseSettings)


def load(kind: type[_Settings], **given: Any) -> _Settings:
    """Settings from the environment; else leave, with one sentence that names all wrong ones."""
    try:
        return kind(**given)
    except ValidationError as wrong:
        print(sentence_about(wrong), file=sys.stderr)
    except SettingsError as wrong:  # names the field only
        print(f"Cannot start: {wrong}.", file=sys.stderr)
    raise SystemExit(BAD_SETTINGS)


def sentence_about(wrong: ValidationError) -> str:
    """One sentence that names each setting that is missing or malformed, and never its value."""
    return "Cannot start: " + "; ".join(_complaint(error) for error in _errors(wrong)) + "."


def _errors(wrong: ValidationError) -> list[tuple[str, str, str]]:
    return [
        (
            str(error["loc"][0]).upper() if error["loc"] else "the settings",
            error["type"],
            error["msg"],
        )
        for error in wrong.errors(include_input=False, include_url=False, include_context=False)
    ]


def _complaint(error: tuple[str, str, str]) -> str:
    name, kind, message = error
    if kind == "missing":
        return f"{name} is missing"
    if kind == FILE_ERROR:
        return message
    return f"{name} is malformed ({message[0].lower()}{message[1:]})"

"""How a process reads its settings, and what it says when it cannot start with them."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Any, TypeVar

import structlog
from pydantic import ValidationError
from pydantic_settings import BaseSettings, SettingsError

from engine.misspelt import misspelt
from engine.secret_files import FILE_ERROR

BAD_SETTINGS = 2

log = structlog.get_logger()

_Settings = TypeVar("_Settings", bound=BaseSettings)


def load(kind: type[_Settings], **given: Any) -> _Settings:
    """Settings from the environment; else leave, with one sentence that names all wrong ones."""
    try:
        return kind(**given)
    except ValidationError as wrong:
        print(sentence_about(wrong, misspelt(kind, os.environ)), file=sys.stderr)
    except SettingsError as wrong:  # names the field only
        print(f"Cannot start: {wrong}.", file=sys.stderr)
    raise SystemExit(BAD_SETTINGS)


def sentence_about(wrong: ValidationError, misspelt: Mapping[str, str] | None = None) -> str:
    """One sentence that names each setting that is missing or malformed, and never its value."""
    given_for = {meant: given for given, meant in (misspelt or {}).items()}
    complaints = [_complaint(error, given_for) for error in _errors(wrong)]
    return "Cannot start: " + "; ".join(complaints) + "."


def tell_misspelt(kind: type[BaseSettings]) -> None:
    """A misspelt name that is not needed would be ignored without a word. Never its value."""
    for given, meant in misspelt(kind, os.environ).items():
        log.warning("setting_unknown", given=given, perhaps_meant=meant)


def _errors(wrong: ValidationError) -> list[tuple[str, str, str]]:
    return [
        (
            str(error["loc"][0]).upper() if error["loc"] else "the settings",
            error["type"],
            error["msg"],
        )
        for error in wrong.errors(include_input=False, include_url=False, include_context=False)
    ]


def _complaint(error: tuple[str, str, str], given_for: Mapping[str, str]) -> str:
    name, kind, message = error
    if kind == "missing":
        given = given_for.get(name) or given_for.get(f"{name}_FILE")
        return f"{name} is missing" + (f" (is {given} meant for it?)" if given else "")
    if kind == FILE_ERROR:
        return message
    return f"{name} is malformed ({message[0].lower()}{message[1:]})"

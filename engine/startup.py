"""What a process says when it cannot start with the settings it was given."""

from __future__ import annotations

from pydantic import ValidationError


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
    return f"{name} is malformed ({message[0].lower()}{message[1:]})"

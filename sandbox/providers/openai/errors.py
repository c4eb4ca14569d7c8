"""What the API calls an error: an `error` event that names the client event it answers."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails


def new_id(prefix: str) -> str:
    """`event_…`, `item_…`: 24 characters at most, as ids may have 32."""
    return f"{prefix}_{uuid.uuid4().hex[:18]}"


@dataclass
class Mistake(Exception):
    """A client event that is refused. The session goes on unless `closes` says otherwise."""

    message: str
    code: str | None = None
    param: str | None = None
    kind: str = "invalid_request_error"

    def event(self, client_event_id: str | None) -> dict[str, Any]:
        return {
            "type": "error",
            "event_id": new_id("event"),
            "error": {
                "type": self.kind,
                "code": self.code,
                "message": self.message,
                "param": self.param,
                "event_id": client_event_id,
            },
        }


_BOUNDS = {
    "greater_than_equal": ("below_min_value", "Expected a value >= {ge}"),
    "less_than_equal": ("above_max_value", "Expected a value <= {le}"),
}


def from_validation(error: ValidationError, parent: str = "") -> Mistake:
    """The first thing that is wrong with an event, in the API's words."""
    first = _most_telling(error.errors())
    place = _place(first["loc"], parent)
    kind = first["type"]
    if kind == "extra_forbidden":
        return Mistake(f"Unknown parameter: '{place}'.", "unknown_parameter", place)
    if kind in ("missing", "union_tag_not_found"):
        if kind == "union_tag_not_found":
            place = _discriminator(first, place)
        message = f"Missing required parameter: '{place}'."
        return Mistake(message, "missing_required_parameter", place)
    if kind in ("literal_error", "union_tag_invalid"):
        return _not_one_of(first, place)
    if kind in _BOUNDS:
        code, bound = _BOUNDS[kind]
        sort = "integer" if isinstance(first["input"], int) else "decimal"
        wanted = bound.format(**first.get("ctx", {}))
        message = f"Invalid '{place}': {sort} {code.replace('_', ' ')}. {wanted}, but got"
        return Mistake(f"{message} {first['input']} instead.", f"{sort}_{code}", place)
    if kind == "string_too_long":
        most = first["ctx"]["max_length"]
        message = (
            f"Invalid '{place}': string too long. Expected a string with maximum length {most},"
            f" but got a string with length {len(first['input'])} instead."
        )
        return Mistake(message, "string_above_max_length", place)
    if kind.endswith("_type") or kind.endswith("_parsing"):
        wanted, got = kind.rpartition("_")[0], type(first["input"]).__name__
        message = f"Invalid type for '{place}': expected {wanted}, but got {got} instead."
        return Mistake(message, "invalid_type", place)
    if kind == "value_error":
        message = f"Invalid value: {first['msg'].removeprefix('Value error, ')}."
        return Mistake(message, "invalid_value", place)
    return Mistake(f"Invalid '{place}': {first['msg']}.", "invalid_value", place)


def _not_one_of(first: ErrorDetails, place: str) -> Mistake:
    """A word that is none of those known here."""
    context = first.get("ctx", {})
    value = first["input"]
    if first["type"] == "union_tag_invalid":
        place = _discriminator(first, place)
        value = context["tag"]
    known = str(context.get("expected") or context.get("expected_tags")).replace(" or ", ", ")
    message = f"Invalid value: '{value}'. Supported values are: {known}."
    return Mistake(message, "invalid_value", place)


def _discriminator(first: ErrorDetails, place: str) -> str:
    """The field that says which branch of a union it is: `type`, or `role` of a message."""
    name = str(first["ctx"]["discriminator"]).strip("'")
    return f"{place}.{name}" if place else name


def _most_telling(errors: list[ErrorDetails]) -> ErrorDetails:
    """Of a union's many complaints the one from deepest within: its other branches do not fit.

    A number that is out of bounds fits better than one that should have been a word.
    """
    return max(errors, key=lambda error: (len(error["loc"]), error["type"] in _BOUNDS))


def _place(location: tuple[int | str, ...], parent: str) -> str:
    """`item.content[0].type`. pydantic puts a union's branches into the way: those are left out."""
    place = parent
    for part in location:
        if isinstance(part, int):
            place += f"[{part}]"
        elif part.isidentifier() and part.islower() and part not in _BRANCHES:
            place += f".{part}" if place else part
    return place


# Tags of the unions in events.py and options.py that look like names of fields.
_BRANCHES = frozenset(
    {
        *("message", "function_call", "function_call_output", "server_vad", "semantic_vad"),
        *("user", "assistant", "system", "item_reference", "int", "str", "bool", "dict"),
        *("input_text", "input_audio", "input_image", "output_text", "output_audio"),
    }
)

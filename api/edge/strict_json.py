"""JSON that means the same to every reader: RFC 8259 read as strictly as I-JSON (RFC 7493)."""

from __future__ import annotations

import json
import math
from typing import Any, NoReturn

_DEEPEST = 64
_LARGEST_INT = 2**63 - 1


class AmbiguousJson(ValueError):
    """A sentence that says what is wrong."""


def check(body: bytes) -> None:
    """Raises AmbiguousJson for what one part would read differently than another, or not at all.

    Python's own reader takes NaN and a key twice; PostgreSQL takes no null character.
    """
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise AmbiguousJson("The body is not UTF-8.") from None
    try:
        _look_through(_READER.decode(text))
    except RecursionError:
        raise AmbiguousJson(_TOO_DEEP) from None
    except json.JSONDecodeError as wrong:
        where = f"line {wrong.lineno}, column {wrong.colno}"
        raise AmbiguousJson(f"The body is not JSON ({where}: {wrong.msg}).") from None


_TOO_DEEP = f"The body's JSON is nested deeper than {_DEEPEST} levels."


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    read = dict(pairs)
    if len(read) < len(pairs):
        raise AmbiguousJson(f"The body has the name {_double(pairs)[:64]!r} twice in one object.")
    return read


def _double(pairs: list[tuple[str, Any]]) -> str:
    # In one pass: everybody else waits while a stranger's body is read.
    seen: set[str] = set()
    for name, _ in pairs:
        if name in seen:
            return name
        seen.add(name)
    raise AssertionError("every name is there once")


def _integer(digits: str) -> int:
    if len(digits) > 20 or abs(int(digits)) > _LARGEST_INT:
        raise AmbiguousJson("The body has an integer of more than 64 bits.")
    return int(digits)


def _float(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise AmbiguousJson("The body has a number that is too large.")
    return number


def _constant(name: str) -> NoReturn:
    raise AmbiguousJson(f"The body has {name}, which is not JSON.")


_READER = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_integer, parse_float=_float, parse_constant=_constant
)


def _look_through(whole: Any) -> None:
    level, depth = [whole], 0
    while level:
        depth += 1
        if depth > _DEEPEST:
            raise AmbiguousJson(_TOO_DEEP)
        below: list[Any] = []
        for value in level:
            if isinstance(value, str):
                _check_text(value)
            elif isinstance(value, dict):
                for name in value:
                    _check_text(name)
                below.extend(value.values())
            elif isinstance(value, list):
                below.extend(value)
        level = below


def _check_text(text: str) -> None:
    if "\0" in text:
        raise AmbiguousJson("The body has the character \\u0000 in a text, which cannot be stored.")
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        raise AmbiguousJson("The body has half of a surrogate pair in a text.")

"""RFC 7396: objects are merged, everything else is replaced, null gives the default back."""

from __future__ import annotations

from typing import Any, TypeVar

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError

T = TypeVar("T", bound=BaseModel)


def patched(model: type[T], base: dict[str, Any], changes: dict[str, Any]) -> T:
    """The whole, checked as one. Raises RequestValidationError."""
    try:
        return model.model_validate(_merge(base, changes))
    except ValidationError as wrong:
        faults = [fault | {"loc": ("body", *fault["loc"])} for fault in wrong.errors()]
        raise RequestValidationError(faults) from None


def _merge(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for name, change in changes.items():
        if change is None:
            merged.pop(name, None)
        elif isinstance(change, dict):
            # Into nothing, too: nulls inside a new object mean absence (RFC 7396 section 2).
            known = merged.get(name)
            merged[name] = _merge(known if isinstance(known, dict) else {}, change)
        else:
            merged[name] = change
    return merged

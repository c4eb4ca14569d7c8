"""The store's errors, translated once into what a workflow can decide on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from temporalio.exceptions import ApplicationError

from contract.steps import CALL_UNKNOWN_ERROR
from store.errors import CallUnknown


@contextmanager
def unknown_calls_are_final() -> Iterator[None]:
    """The API withdrew a call whose start it could not be sure of: no retry brings the row back."""
    try:
        yield
    except CallUnknown as error:
        raise ApplicationError(str(error), type=CALL_UNKNOWN_ERROR, non_retryable=True) from error

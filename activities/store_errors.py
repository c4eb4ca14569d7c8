"""The store's errors, translated once into what a workflow can decide on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import SQLAlchemyError
from temporalio.exceptions import ApplicationError

from contract.errors import PlatformError
from contract.phone import NotDialled
from contract.steps import CALL_UNKNOWN_ERROR
from store.errors import CallOver, CallUnknown, TrunkDisabled, TrunkUnknown

_WITHDRAWN = "The call was withdrawn."


@contextmanager
def unknown_calls_are_final() -> Iterator[None]:
    """The API withdrew a call whose start it could not be sure of: no retry brings the row back."""
    try:
        yield
    except CallUnknown as error:
        raise ApplicationError(str(error), type=CALL_UNKNOWN_ERROR, non_retryable=True) from error


@contextmanager
def trunk_errors_are_final() -> Iterator[None]:
    """What the store says against a call over a trunk; the rest of its errors may pass."""
    try:
        yield
    except (CallUnknown, CallOver) as error:
        raise not_dialled(NotDialled.CALL_OVER, _WITHDRAWN) from error
    except TrunkUnknown as error:
        raise not_dialled(NotDialled.TRUNK_GONE, "The trunk is there no more.") from error
    except TrunkDisabled as error:
        raise not_dialled(NotDialled.TRUNK_DISABLED, "The trunk was disabled.") from error


@contextmanager
def store_must_answer() -> Iterator[None]:
    """Where there is no second try."""
    try:
        yield
    except (PlatformError, SQLAlchemyError) as error:
        raise not_dialled(NotDialled.STORE_AWAY, "The database does not answer.") from error


def not_dialled(why: NotDialled, sentence: str) -> ApplicationError:
    return ApplicationError(sentence, type=why.value, non_retryable=True)

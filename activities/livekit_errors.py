"""LiveKit's errors, translated once into what a workflow can decide on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import aiohttp
from livekit.api import ServerError
from temporalio.exceptions import ApplicationError

from bridge.ladder.masking import mask_text

# Twirp codes (twitchtv.github.io/twirp/docs/errors.html) that the same request will meet again.
_FINAL = frozenset(
    {"not_found", "invalid_argument", "unauthenticated", "permission_denied", "already_exists"}
)


@contextmanager
def livekit_errors(doing: str) -> Iterator[None]:
    """Raise foreign errors as ApplicationError: type `livekit-<twirp code>`, words for people.
    Numbers in them are masked: LiveKit quotes what it was asked."""
    try:
        yield
    except ServerError as error:
        raise ApplicationError(
            f"LiveKit refused to {doing}: {mask_text(error.message)} ({error.code})",
            type=f"livekit-{error.code.replace('_', '-')}",
            non_retryable=error.code in _FINAL,
        ) from error
    except (aiohttp.ClientError, TimeoutError) as error:
        raise ApplicationError(
            f"LiveKit does not answer: could not {doing}", type="livekit-unreachable"
        ) from error


def is_not_found(error: ServerError) -> bool:
    return error.code == "not_found"

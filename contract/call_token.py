"""The token that opens one call's internal endpoints to its own agents, and nothing else."""

from __future__ import annotations

import hashlib
import hmac

_VERSION = "ct1"


def make_call_token(secret: str, call_id: str) -> str:
    """`ct1.<call_id>.<hex HMAC-SHA256>`: the same for every attempt, so retries need no memory."""
    return f"{_VERSION}.{call_id}.{_seal(secret, call_id)}"


def call_id_of_token(secret: str, token: str) -> str | None:
    """The call that a genuine token belongs to, else None. Compares in constant time."""
    version, _, rest = token.partition(".")
    call_id, _, seal = rest.partition(".")
    if version != _VERSION or not call_id:
        return None
    genuine = hmac.compare_digest(seal.encode(), _seal(secret, call_id).encode())
    return call_id if genuine else None


def _seal(secret: str, call_id: str) -> str:
    return hmac.new(secret.encode(), call_id.encode(), hashlib.sha256).hexdigest()

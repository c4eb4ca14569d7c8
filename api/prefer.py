"""How long a client would wait for what goes on without it: RFC 7240, `Prefer: wait=5`."""

from __future__ import annotations

import re
from typing import Annotated

from fastapi import Header

Prefer = Annotated[
    str | None,
    Header(
        max_length=200,
        description="`wait=<seconds>`: answer by then, done or not (RFC 7240). At most 25.",
        examples=["wait=5"],
    ),
]

_WAIT = re.compile(r"(?:^|[,;\s])wait=([0-9]{1,3})(?:$|[,;\s])", re.IGNORECASE)
_LONGEST = 25.0  # usual clients give up after 30 s


def wait_of(prefer: str | None, usual: float) -> float:
    """Seconds. What is no such preference is passed over, as the RFC has it."""
    found = _WAIT.search(prefer or "")
    return min(float(found[1]), _LONGEST) if found else usual

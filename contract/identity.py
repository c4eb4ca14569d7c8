"""Who is who: call ids, workflow ids and participant identities (design section 4).

A call id is also the workflow id and the name of every room that we create, so it carries no phone
number, no name and no word of a caller.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import time
from enum import StrEnum

CALL_PREFIX = "call_"
RECORDING_PREFIX = "rec_"
FINISHING_PREFIX = "janitor_"
ERASING_PREFIX = "erase_"
ROOM_WATCH_WORKFLOW_ID = "room-watch"

# The first tenant, and whose an adopted call is until its assistant is known.
DEFAULT_TENANT = "default"

CALLER_IDENTITY = "caller"
PHONE_IDENTITY = "phone"

# Crockford's base 32 in lower case (https://www.crockford.com/base32.html), as ULIDs use it.
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_SUFFIX_LENGTH = 26
_CALL_ID = re.compile(rf"^{CALL_PREFIX}[{_ALPHABET}]{{{_SUFFIX_LENGTH}}}$")


class AgentRole(StrEnum):
    """The two LiveKit workers; the value is the `agent_name` they register under."""

    ATLAS = "atlas"
    MEDIA_BOT = "media-bot"

    @property
    def display_name(self) -> str:
        return {"atlas": "Atlas", "media-bot": "Media Bot"}[self.value]


_AGENT_IDENTITY = re.compile(rf"^({'|'.join(role.value for role in AgentRole)})-(\d{{1,6}})$")


def new_call_id() -> str:
    """A fresh id that sorts by time: `call_` and the 26 characters of a ULID."""
    milliseconds = time.time_ns() // 1_000_000
    return CALL_PREFIX + _base32(milliseconds << 80 | secrets.randbits(80))


def call_id_for_key(tenant_id: str, idempotency_key: str, attempt: int = 1) -> str:
    """The id that one tenant's Idempotency-Key always leads to.

    `attempt` counts starts that failed and released the key: an id that a withdrawn call has
    used up can never be started again (REJECT_DUPLICATE).
    """
    digest = hashlib.sha256(f"{tenant_id}\0{idempotency_key}\0{attempt}".encode()).digest()
    return CALL_PREFIX + _base32(int.from_bytes(digest[:16], "big"))


def is_call_id(text: str) -> bool:
    return _CALL_ID.fullmatch(text) is not None


def recording_workflow_id(call_id: str) -> str:
    return RECORDING_PREFIX + call_id.removeprefix(CALL_PREFIX)


def finishing_workflow_id(call_id: str) -> str:
    """Of the workflow that finishes what the call's own one left behind."""
    return FINISHING_PREFIX + call_id.removeprefix(CALL_PREFIX)


def erasing_workflow_id(call_id: str) -> str:
    """Of the workflow that deletes a call's recording because somebody asked for it."""
    return ERASING_PREFIX + call_id.removeprefix(CALL_PREFIX)


def agent_identity(role: AgentRole, generation: int) -> str:
    """`atlas-2`: the second Atlas that the workflow sent into this call."""
    return f"{role.value}-{generation}"


def parse_agent_identity(identity: str) -> tuple[AgentRole, int] | None:
    """The role and generation behind an identity, or None for anybody who is not our agent."""
    match = _AGENT_IDENTITY.fullmatch(identity)
    return (AgentRole(match[1]), int(match[2])) if match else None


def _base32(number: int) -> str:
    digits = []
    for _ in range(_SUFFIX_LENGTH):
        number, digit = divmod(number, 32)
        digits.append(_ALPHABET[digit])
    return "".join(reversed(digits))

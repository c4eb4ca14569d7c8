"""The processes of one stack, their order of starting, and what each is called."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from sandbox.stack.errors import StackError


class Part(StrEnum):
    TEMPORAL = "temporal"
    LIVEKIT = "livekit"
    S3 = "s3"
    PROVIDERS = "providers"
    RECORDER = "recorder"
    SIP = "sip"
    API = "api"
    WORKER = "worker"
    ATLAS = "atlas"
    MEDIA_BOT = "media-bot"
    TALK = "talk"
    CARRIER = "carrier"
    BRIDGE = "bridge"


SERVERS = (Part.TEMPORAL, Part.LIVEKIT, Part.S3)

# Who must answer before a part is started. Parts that were left out of a stack are not waited for.
NEEDS: dict[Part, tuple[Part, ...]] = {
    Part.TEMPORAL: (),
    Part.LIVEKIT: (),
    Part.S3: (),
    Part.PROVIDERS: (),
    Part.RECORDER: (Part.LIVEKIT, Part.S3),
    Part.SIP: (Part.LIVEKIT,),
    Part.API: (Part.TEMPORAL, Part.LIVEKIT),
    Part.WORKER: (Part.TEMPORAL, Part.LIVEKIT, Part.S3),
    Part.ATLAS: (Part.LIVEKIT,),
    Part.MEDIA_BOT: (Part.LIVEKIT,),
    Part.TALK: (),
    Part.CARRIER: (),
    Part.BRIDGE: (Part.TEMPORAL, Part.LIVEKIT),
}


def chosen(only: Iterable[str] | None, without: Iterable[str]) -> tuple[Part, ...]:
    """The parts to start; raises StackError for a name that is no part."""
    wanted = set(Part) if only is None else {_named(name) for name in only}
    left_out = {_named(name) for name in without}
    return tuple(part for part in Part if part in wanted - left_out)


def _named(name: str) -> Part:
    try:
        return Part(name)
    except ValueError:
        known = ", ".join(Part)
        raise StackError(f"There is no part {name!r}; the stack has {known}.") from None

"""Why there is no leg. Whichever it is, no INVITE left."""

from __future__ import annotations


class NotDialled(RuntimeError):
    """Nothing was sent to anybody. `code` is stable and kebab-case, the message a sentence."""

    code = "not-dialled"


class PhoneThere(NotDialled):
    """The room has a phone already: a second one would be a second call."""

    code = "phone-there"


class RoomGone(NotDialled):
    """There is no such room (any more)."""

    code = "room-gone"


class LiveKitAway(NotDialled):
    """LiveKit does not answer, or does not let us in."""

    code = "livekit-away"


class NoNewLegs(NotDialled):
    """The process is being shut down."""

    code = "shutdown"


class NoLine(NotDialled):
    """The far side cannot be called at all: no address, no port for audio, a wrong target."""

    code = "no-line"

"""What it means that a phone has left its room, as far as LiveKit says why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from contract.endings import CallEnding, EndedBy, EndedReason
from contract.phone import LegReport

# LiveKit's reasons (DisconnectReason) for who was thrown out, as the bridge calls them.
THROWN_OUT = {
    "PARTICIPANT_REMOVED": "removed",
    "ROOM_DELETED": "room-closed",
    "ROOM_CLOSED": "room-closed",
}
BY_ITSELF = "CLIENT_INITIATED"
# Of a phone of LiveKit SIP that was not answered, unless dialling says it more exactly.
_UNANSWERED = {
    "USER_REJECTED": CallEnding(
        EndedReason.REJECTED,
        EndedBy.CALLEE,
        "The far side refused the call, or was busy: in the room LiveKit SIP tells both alike.",
    ),
    "USER_UNAVAILABLE": CallEnding(EndedReason.NO_ANSWER, EndedBy.CALLEE, "Nobody answered."),
}
_GAVE_UP = CallEnding(
    EndedReason.PROVIDER_ERROR, EndedBy.PROVIDER, "LiveKit SIP gave the call up, without a word."
)
# livekit_observed.md section 1 (e): over LiveKit SIP nobody can tell the two apart.
_HUNG_UP = CallEnding(
    EndedReason.CALLEE_HUNG_UP,
    EndedBy.CALLEE,
    "The far side hung up, or sent no sound any more: LiveKit SIP tells both alike.",
)
_THROWN_OUT = CallEnding(
    EndedReason.OPERATOR_TERMINATED,
    EndedBy.OPERATOR,
    "Somebody removed the phone or the room in LiveKit.",
)
_BRIDGE_IS_SILENT = CallEnding(
    EndedReason.PLATFORM_ERROR,
    EndedBy.UNKNOWN,
    "The phone left the room, and the bridge did not say why.",
)


@dataclass(frozen=True, slots=True)
class Gone:
    """The phone is not in the room any more. `why`: LiveKit's DisconnectReason by name; empty:
    somebody looked, and LiveKit told nobody."""

    at: datetime
    why: str
    ending: CallEnding | None = None  # when whoever looked knows what it means

    @property
    def may_come_back(self) -> bool:
        """Nobody meant it to leave: LiveKit or the way to it was lost."""
        return self.why not in THROWN_OUT and self.why not in _UNANSWERED and self.why != BY_ITSELF

    def of_bridge(self) -> CallEnding:
        """Unless the bridge knows better."""
        return _THROWN_OUT if self.why in THROWN_OUT else _BRIDGE_IS_SILENT

    def of_livekit_sip(self, *, answered: bool) -> CallEnding:
        if self.why in THROWN_OUT:
            return _THROWN_OUT
        return _HUNG_UP if answered else _UNANSWERED.get(self.why, _GAVE_UP)

    def report(self) -> LegReport:
        """The end of an answered leg of LiveKit SIP, of which nobody will say more."""
        is_thrown_out = self.why in THROWN_OUT
        return LegReport(
            reason=THROWN_OUT[self.why] if is_thrown_out else "bye",
            by="us" if is_thrown_out else "them",
            detail=self.of_livekit_sip(answered=True).detail,
            answered=True,
            ended_at=self.at,
        )

"""All legs of a process."""

from __future__ import annotations

from bridge.legs import Bridge
from bridge.room.access import LiveKitAccess
from bridge.room.leg import RoomLeg
from bridge.room.options import RoomLegOptions
from bridge.room.order import RoomCall, Teller


class RoomLegs:
    """One a process, over a bridge that is started."""

    def __init__(self, bridge: Bridge, livekit: LiveKitAccess, options: RoomLegOptions) -> None:
        self._bridge = bridge
        self._livekit = livekit
        self._options = options

    @property
    def legs(self) -> tuple[RoomLeg, ...]:
        """Those that have not ended."""
        raise NotImplementedError

    async def dial(self, call: RoomCall, teller: Teller) -> RoomLeg:
        """Joins the room as `phone`, then sends the INVITE. Raises NotDialled (PhoneThere,
        RoomGone, LiveKitAway, NoLine, NoNewLegs): nothing was sent and nothing is told then.
        Cancelled meanwhile it leaves the room, and nothing was sent either."""
        raise NotImplementedError

    async def drain(self, patience: float) -> None:
        """No new legs. Waits `patience` seconds for those that last to end by themselves, then
        ends them with reason `shutdown`. Returns when each is over."""
        raise NotImplementedError

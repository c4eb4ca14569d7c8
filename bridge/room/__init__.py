"""Phone legs in LiveKit rooms: participant `phone`, its sound, its state, and its one end.

    legs = RoomLegs(bridge, LiveKitAccess(url, api_key, api_secret), RoomLegOptions())
    leg = await legs.dial(call, teller)
    answered_at = await leg.decided()
    report = await leg.ended()

Knows no Temporal: whoever runs it brings a `Teller` for what happens.
"""

from bridge.room.access import LiveKitAccess
from bridge.room.errors import LiveKitAway, NoLine, NoNewLegs, NotDialled, PhoneThere, RoomGone
from bridge.room.leg import RoomLeg
from bridge.room.legs import RoomLegs
from bridge.room.options import RoomLegOptions
from bridge.room.order import RoomCall, Teller

__all__ = [
    "LiveKitAccess",
    "LiveKitAway",
    "NoLine",
    "NoNewLegs",
    "NotDialled",
    "PhoneThere",
    "RoomCall",
    "RoomGone",
    "RoomLeg",
    "RoomLegOptions",
    "RoomLegs",
    "Teller",
]

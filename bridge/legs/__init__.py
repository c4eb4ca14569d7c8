"""Phone legs: calls with their signalling, session description and media."""

from bridge.legs.bridge import Bridge, BridgeClosing
from bridge.legs.errors import LegOver, Refused
from bridge.legs.events import (
    Answered,
    ConnectionLost,
    DtmfHeard,
    Held,
    HoldKind,
    LegEnded,
    LegEvent,
    Reattached,
    Resumed,
    Ringing,
    TransferProgress,
    TransferRequested,
)
from bridge.legs.leg import Leg, LegState
from bridge.legs.options import BridgeOptions
from bridge.legs.outcome import HoldInterval, LegEnd
from bridge.legs.target import Target, TargetError

__all__ = [
    "Answered",
    "Bridge",
    "BridgeClosing",
    "BridgeOptions",
    "ConnectionLost",
    "DtmfHeard",
    "Held",
    "HoldInterval",
    "HoldKind",
    "Leg",
    "LegEnd",
    "LegEnded",
    "LegEvent",
    "LegOver",
    "LegState",
    "Reattached",
    "Refused",
    "Resumed",
    "Ringing",
    "Target",
    "TargetError",
    "TransferProgress",
    "TransferRequested",
]

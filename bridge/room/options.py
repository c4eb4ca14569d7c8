"""What the legs of a process are told at its start."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Self

from bridge.settings import BridgeSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomLegOptions:
    """All times in seconds."""

    ladder_folder: Path | None = None
    """Where each leg leaves its SIP ladder, numbers masked, as `<call_id>.txt`; None: nowhere."""
    heartbeat: float = 0.5
    quality_interval: float = 60.0
    join_patience: float = 5.0
    """With LiveKit, before an INVITE is sent."""
    goodbye_patience: float = 2.0
    """How long the far side may take to confirm our BYE before `phone.hangup` is answered."""
    last_word_patience: float = 0.3
    """How long the end is waited for to be acknowledged before the phone leaves the room."""
    transfer_patience: float = 30.0

    @classmethod
    def of(cls, settings: BridgeSettings) -> Self:
        return cls(ladder_folder=settings.bridge_ladder_folder)

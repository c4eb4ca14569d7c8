from __future__ import annotations

from pydantic import Field

from engine.settings import LiveKitSettings


class HallSettings(LiveKitSettings):
    """LIVEKIT_URL is where the others look for LiveKit: the hall listens there."""

    hall_webhook_url: str = Field("", description="Where room events go; empty: nowhere.")

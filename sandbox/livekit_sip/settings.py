"""Settings of `python -m sandbox.livekit_sip`, from the environment."""

from __future__ import annotations

from pydantic import Field, field_validator

from bridge.rtp import PortRange
from engine.settings import LiveKitSettings


class LiveKitSipSettings(LiveKitSettings):
    livekit_sip_host: str = Field("127.0.0.1", description="Address for SIP, RTP and its API.")
    livekit_sip_http_port: int = Field(ge=0, le=65535, description="Port of the SIP API.")
    livekit_sip_port: int = Field(
        0, ge=0, le=65535, description="SIP, both TCP and UDP; 0: any, as nobody calls it."
    )
    livekit_sip_rtp_ports: str = Field("10000-20000", description="UDP ports for audio.")
    livekit_sip_media_timeout_seconds: float = Field(
        15.0, gt=0, description="A phone that sends no audio any more is hung up after this."
    )
    livekit_sip_first_media_seconds: float = Field(
        30.0, gt=0, description="The same for one that never sent any."
    )

    @field_validator("livekit_sip_rtp_ports")
    @classmethod
    def _range(cls, text: str) -> str:
        PortRange.parse(text)
        return text

"""Settings of `python -m sandbox.carrier`, from the environment."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Annotated

from pydantic import Field, field_validator
from pydantic_settings import NoDecode

from bridge.rtp import PortRange
from engine.settings import ProcessSettings
from sandbox.carrier.scenario import NUMBERS


class CarrierSettings(ProcessSettings):
    carrier_host: str = Field("127.0.0.1", description="Address for SIP, RTP and control.")
    carrier_sip_port: int = Field(5070, ge=0, le=65535, description="SIP, both TCP and UDP.")
    carrier_http_port: int = Field(ge=0, le=65535, description="Port of its control pages.")
    carrier_allowed: Annotated[tuple[str, ...], NoDecode] = Field(
        ("127.0.0.0/8",), description="Networks that may call, comma separated; others get 403."
    )
    carrier_calls_per_minute: int = Field(
        200, ge=1, description="More calls than that within a minute get 503, as at Exotel."
    )
    carrier_rtp_ports: str = Field("40002-48000", description="UDP ports of the phone's audio.")
    carrier_recordings: Path = Field(
        Path(".run/carrier"), description="Folder for what the phone hears, a WAV file a call."
    )
    carrier_scenario: Path = Field(
        NUMBERS, description="What the phone does, by number dialled (docs/sandbox_carrier.md)."
    )

    @field_validator("carrier_allowed", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        return tuple(part.strip() for part in value.split(",") if part.strip())

    @field_validator("carrier_allowed")
    @classmethod
    def _networks(cls, networks: tuple[str, ...]) -> tuple[str, ...]:
        for network in networks:
            ipaddress.ip_network(network, strict=False)
        return networks

    @field_validator("carrier_rtp_ports")
    @classmethod
    def _range(cls, text: str) -> str:
        PortRange.parse(text)
        return text

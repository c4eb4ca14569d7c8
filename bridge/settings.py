"""The bridge's settings, all from the environment."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import NoDecode

from bridge.addresses import Listen, parse_ip
from bridge.rtp import PortRange
from bridge.sdp import CODECS, codecs_named
from engine.secret_files import Secret
from engine.settings import ProcessSettings

Names = Annotated[tuple[str, ...], NoDecode]


_ALGORITHMS = ("SHA-512-256", "SHA-256", "MD5")


class BridgeSettings(ProcessSettings):
    bridge_listen: Names = Field(
        ("udp://127.0.0.1:5060", "tcp://127.0.0.1:5060"),
        description="Where SIP is heard, comma separated: `udp://0.0.0.0:5060`, `tcp://…`, "
        "`tls://…:5061`.",
    )
    bridge_advertised_ip: str = Field(
        "", description="Our address as peers reach it; default: the one that BRIDGE_LISTEN has."
    )
    bridge_rtp_ports: str = Field(
        "10000-40000", description="UDP ports for audio, first and last; a call takes two."
    )
    bridge_allowed_sources: Names = Field(
        (),
        description="Addresses or networks (`203.0.113.0/24`, or `trunk=203.0.113.0/24`) whose "
        "SIP is heard, comma separated; others get no answer. Default: all.",
    )
    bridge_codecs: Names = Field(
        tuple(codec.name for codec in CODECS),
        description="Codecs that are offered and accepted, the best first.",
    )
    bridge_srtp: Literal["refused", "accepted", "required"] = Field(
        "accepted", description="SRTP with keys in the SDP (RFC 4568): what becomes of it."
    )
    bridge_username: str = Field("", description="Our name when a carrier asks for credentials.")
    bridge_password: Secret = Field("", description="The password of BRIDGE_USERNAME.")
    bridge_callers: Secret = Field(
        "", description="`name:password`, comma separated: callers must be one of them."
    )
    bridge_caller_algorithms: Names = Field(
        ("MD5",),
        description="How callers may prove their password: `MD5`, `SHA-256`, `SHA-512-256`, the "
        "best first. Many phones look at the first only and know MD5 only.",
    )
    bridge_tls_certificate: Path | None = Field(
        None,
        validate_default=True,
        description="File with our certificate and its chain (PEM), for tls://.",
    )
    bridge_tls_private: Path | None = Field(
        None,
        validate_default=True,
        description="File with the certificate's private key (PEM).",
    )
    bridge_tls_authorities: Path | None = Field(
        None,
        description="File with the authorities (PEM) that vouch for peers; default: the system's.",
    )
    bridge_max_calls: int = Field(200, ge=1, description="Calls at once; more are refused (503).")
    bridge_max_connections: int = Field(
        1000, ge=1, description="TCP and TLS connections at once that others opened."
    )
    bridge_connections_per_address: int = Field(50, ge=1, description="The same from one address.")
    bridge_first_message_seconds: float = Field(
        5.0, gt=0, description="How long a connection may take to its first whole message."
    )
    bridge_ringing_seconds: float = Field(
        60.0, gt=0, description="How long a call of ours may ring."
    )
    bridge_media_timeout_seconds: float = Field(
        30.0, gt=0, description="A call ends when its far side sends no audio for so long."
    )
    bridge_max_duration_seconds: float = Field(
        4 * 3600.0, gt=0, description="The longest call, from its answer."
    )
    bridge_http_host: str = Field(
        "127.0.0.1", description="Address of the bridge's own pages; see BRIDGE_HTTP_PORT."
    )
    bridge_http_port: int | None = Field(
        None,
        ge=1,
        le=65535,
        description="Port of the bridge's `/healthz`, `/readyz` and `/metrics`; default: none.",
    )
    bridge_ladder_folder: Path | None = Field(
        None,
        description="Folder for the SIP ladder of each call, numbers masked, as `<call id>.txt`; "
        "default: none is kept.",
    )
    bridge_drain_seconds: float = Field(
        3.0, ge=0, description="How long saying goodbye to every call may take after SIGTERM."
    )

    @field_validator(
        "bridge_listen",
        "bridge_allowed_sources",
        "bridge_codecs",
        "bridge_caller_algorithms",
        mode="before",
    )
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("bridge_listen")
    @classmethod
    def _places(cls, places: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(str(Listen.parse(place)) for place in places)

    @field_validator("bridge_advertised_ip")
    @classmethod
    def _one_address(cls, text: str) -> str:
        if text and parse_ip(text).is_unspecified:
            raise ValueError("peers need one address, not all of them")
        return text

    @field_validator("bridge_rtp_ports")
    @classmethod
    def _first_and_last(cls, text: str) -> str:
        PortRange.parse(text)
        return text

    @field_validator("bridge_allowed_sources")
    @classmethod
    def _networks(cls, sources: tuple[str, ...]) -> tuple[str, ...]:
        for source in sources:
            ipaddress.ip_network(source.rpartition("=")[2].strip(), strict=False)
        return sources

    @field_validator("bridge_codecs")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(codec.name for codec in codecs_named(names))

    @field_validator("bridge_caller_algorithms")
    @classmethod
    def _known_algorithms(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        names = tuple(name.upper() for name in names)
        if not names or set(names) - set(_ALGORITHMS):
            raise ValueError(f"one or more of {', '.join(_ALGORITHMS)}")
        return names

    @field_validator("bridge_callers")
    @classmethod
    def _pairs(cls, text: str) -> str:
        callers_of(text)
        return text

    @field_validator("bridge_tls_certificate")
    @classmethod
    def _shown_by_whom_listens(cls, file: Path | None, info: ValidationInfo) -> Path | None:
        places = info.data.get("bridge_listen", ())
        if file is None and any(place.startswith("tls:") for place in places):
            raise PydanticCustomError("missing", "It is needed for tls:// in BRIDGE_LISTEN.")
        return file

    @field_validator("bridge_tls_private")
    @classmethod
    def _belongs_to_the_certificate(cls, file: Path | None, info: ValidationInfo) -> Path | None:
        if (file is None) != (info.data.get("bridge_tls_certificate") is None):
            raise PydanticCustomError("pair", "Needs BRIDGE_TLS_CERTIFICATE, and is needed by it")
        return file


def callers_of(text: str) -> dict[str, str]:
    """`anna:secret,bob:hush` -> {name: password}. Raises ValueError without repeating any."""
    callers: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, colon, password = part.partition(":")
        if not colon or not name or not password:
            raise ValueError("every caller is written as name:password")
        callers[name] = password
    return callers

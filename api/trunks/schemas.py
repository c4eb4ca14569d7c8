from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, Field, StringConstraints, field_validator, model_validator

from api.fields import Strict, TrunkId
from api.hosts import Host
from api.pages import NextCursor
from api.phone_numbers import Country, PhoneNumber
from api.trunks.presets import USUAL, Codec, Preset, Transport, TrunkKind

# No control characters: both end up in a SIP header.
_PRINTABLE = r"^[^\x00-\x1f\x7f]+$"
_GENERIC = USUAL[Preset.GENERIC]


class TrunkAuth(Strict):
    """What the carrier asks for by SIP digest."""

    username: Annotated[str, StringConstraints(max_length=128, pattern=_PRINTABLE)] = Field(
        examples=["acme-trunk"]
    )
    password: Annotated[str, StringConstraints(max_length=256, pattern=_PRINTABLE)] | None = Field(
        None, repr=False, description="Write-only: kept encrypted and never returned."
    )


class _TrunkFields(Strict):
    name: str = Field(min_length=1, max_length=128, examples=["Exotel Mumbai"])
    preset: Preset = Field(
        Preset.GENERIC, description="Whose trunk it is; fills in what is left out."
    )
    kind: TrunkKind = Field(
        default_factory=lambda: _GENERIC.kind,
        description="Who carries its calls: our own bridge or LiveKit SIP. Default: the preset's.",
    )
    host: Host
    port: int = Field(
        default_factory=lambda: _GENERIC.port,
        ge=1,
        le=65535,
        description="Default: the preset's; 5061 for TLS.",
        examples=[5060],
    )
    transport: Transport = Field(
        default_factory=lambda: _GENERIC.transport, description="Default: the preset's."
    )
    from_number: PhoneNumber | None = Field(
        None, description="Shown to whoever is called, in E.164.", examples=["+12025550123"]
    )
    codecs: tuple[Codec, ...] = Field(
        default_factory=lambda: _GENERIC.codecs,
        max_length=len(Codec),
        json_schema_extra={"minItems": 1, "uniqueItems": True},
        description="Best first. Default: the preset's.",
    )
    ringing_timeout_seconds: int = Field(30, ge=5, le=180)
    max_concurrent_calls: int = Field(10, ge=1, le=10_000)
    calls_per_second: float = Field(
        default_factory=lambda: _GENERIC.calls_per_second,
        gt=0,
        le=100,
        description="How fast calls may be started. Default: the preset's.",
        examples=[1.0],
    )
    countries: tuple[Country, ...] = Field(
        (),
        max_length=250,
        json_schema_extra={"uniqueItems": True},
        description="Where it may call, by ISO 3166-1; empty: everywhere.",
    )
    enabled: bool = Field(True, description="Off: no new calls go through it.")


class TrunkUpdate(_TrunkFields):
    """All of a trunk but its id. What is left out gets its preset's value, else its default."""

    auth: TrunkAuth | None = Field(None, description="Left out: the carrier knows us by address.")

    @model_validator(mode="before")
    @classmethod
    def _fill_in_by_preset(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        preset = given.get("preset", Preset.GENERIC)
        usual = USUAL[Preset(preset)] if preset in list(Preset) else _GENERIC
        transport = given.get("transport", usual.transport)
        return {
            "kind": usual.kind,
            "transport": transport,
            "port": usual.port_for(transport),
            "codecs": usual.codecs,
            "calls_per_second": usual.calls_per_second,
        } | given

    @field_validator("codecs")
    @classmethod
    def _can_carry_a_voice(cls, codecs: tuple[Codec, ...]) -> tuple[Codec, ...]:
        if len(set(codecs)) < len(codecs):
            raise ValueError("names a codec twice")
        if set(codecs) <= {Codec.TELEPHONE_EVENT}:
            raise ValueError("needs a codec for speech beside telephone-event")
        return codecs

    @field_validator("countries")
    @classmethod
    def _are_different(cls, countries: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(countries)) < len(countries):
            raise ValueError("names a country twice")
        return countries


class TrunkCreate(TrunkUpdate):
    id: TrunkId | None = Field(None, description="Made up when left out.", examples=["mumbai"])


class TrunkAuthRead(BaseModel):
    username: str
    password_set: bool = Field(description="The password itself is never returned.")


class TrunkRead(_TrunkFields):
    id: TrunkId
    auth: TrunkAuthRead | None
    created_at: datetime
    updated_at: datetime


class TrunkList(BaseModel):
    items: list[TrunkRead]
    next_cursor: NextCursor

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AliasChoices, Field, field_validator
from pydantic_settings import NoDecode

from agents.settings import HearingSettings
from engine.secret_files import Secret
from engine.settings import split_list

_Host = Annotated[str, Field(pattern=r"^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+)(:\d{1,5})?$")]


class MediaBotSettings(HearingSettings):
    # Its document's name first: that is the one which a sentence about its absence has.
    eleven_api_key: Secret = Field(
        min_length=1,
        validation_alias=AliasChoices("elevenlabs_api_key", "eleven_api_key"),
        description="ElevenLabs' key, for hearing and speaking.",
    )
    stt_provider: Literal["groq", "deepgram", "elevenlabs"] = Field(
        "groq", description="Who transcribes languages other than English and Arabic."
    )
    media_bot_num_idle_processes: int = Field(
        2, ge=0, description="Processes kept warm for the next calls."
    )
    media_bot_load_threshold: float = Field(
        0.75,
        gt=0,
        description="CPU load above which Media Bot takes no more calls; `inf`: takes all.",
    )
    media_bot_max_retry: int = Field(16, ge=0, description="Attempts to reach LiveKit.")
    media_bot_health_port: int = Field(
        8082, ge=0, le=65535, description="Port of `/healthz` and `/readyz`."
    )
    media_bot_prometheus_port: int | None = Field(
        None, ge=1, le=65535, description="Port of `/metrics`; default: none."
    )
    media_asset_hosts: Annotated[tuple[_Host, ...], NoDecode] = Field(
        (),
        description="Hosts, such as api:8080, that media assets may come from although they are "
        "private or without https; comma separated. Without a port: all of that host's.",
    )
    media_cache_bytes: int = Field(
        64_000_000,
        ge=0,
        description="Budget of decoded media assets on disk, 96 kB a second; 0: none is kept.",
    )
    media_cache_folder: str = Field(
        "",
        description="Where they are kept, for all calls of this machine; default: a folder of "
        "this user alone in the system's temporary one.",
    )

    @field_validator("media_asset_hosts", mode="before")
    @classmethod
    def _split_hosts(cls, value: object) -> object:
        return split_list(value)

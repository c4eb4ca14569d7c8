from __future__ import annotations

from pydantic import AliasChoices, Field

from agents.settings import AgentSettings

_HTTP = r"^https?://"


class ProviderSettings(AgentSettings):
    """Where Atlas hears, thinks and speaks. Only the addresses differ on the embedded stack."""

    deepgram_api_key: str = Field(repr=False)
    deepgram_base_url: str = Field("https://api.deepgram.com/v1/listen", pattern=_HTTP)
    groq_api_key: str = Field(repr=False)
    groq_base_url: str = Field("https://api.groq.com/openai/v1", pattern=_HTTP)
    eleven_api_key: str = Field(
        repr=False, validation_alias=AliasChoices("eleven_api_key", "elevenlabs_api_key")
    )
    elevenlabs_base_url: str = Field("https://api.elevenlabs.io/v1", pattern=_HTTP)
    elevenlabs_encoding: str = Field("mp3_22050_32", pattern=r"^(mp3|pcm)_\d+(_\d+)?$")


class AtlasSettings(ProviderSettings):
    compass_url: str = Field(description="base URL of Compass", pattern=_HTTP)
    atlas_idle_processes: int | None = Field(None, ge=0, description="default: one per CPU")
    atlas_load_threshold: float = Field(0.7, gt=0, description="CPU load; inf never refuses")
    atlas_max_retry: int = Field(16, ge=0, description="attempts to reach LiveKit")
    atlas_health_port: int = Field(8081, ge=0, le=65535)
    atlas_prometheus_port: int | None = Field(None, ge=1, le=65535)
    atlas_resume_line: str = Field(
        "I am back. Please go on.", description="said by an Atlas that takes over a running call"
    )

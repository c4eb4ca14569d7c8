from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from pydantic import Field

from agents.settings import HearingSettings
from engine.secret_files import OptionalSecret
from engine.settings import HTTP_URL, ToolSettings


class ProviderSettings(HearingSettings):
    """Where Atlas hears, thinks and speaks."""

    elevenlabs_encoding: str = Field(
        "mp3_22050_32",
        pattern=r"^(mp3|pcm)_\d+(_\d+)?$",
        description="The form in which speech comes.",
    )
    openai_api_key: OptionalSecret = Field(
        "", description="OpenAI's key; only assistants of mode `realtime` need it."
    )
    openai_base_url: str = Field(
        "https://api.openai.com/v1", pattern=HTTP_URL, description="OpenAI's address."
    )

    def providers(self) -> dict[str, dict[str, Any]]:
        """For operators: who is asked where, and whether there is a key. Never the key."""
        known = {
            "deepgram": (self.deepgram_api_key, self.deepgram_base_url),
            "groq": (self.groq_api_key, self.groq_base_url),
            "elevenlabs": (self.eleven_api_key, self.elevenlabs_base_url),
        }
        if self.openai_api_key:
            known["openai"] = (self.openai_api_key, self.openai_base_url)
        providers = {
            name: {"key_set": bool(key.strip()), "host": urlsplit(url).netloc.rpartition("@")[2]}
            for name, (key, url) in known.items()
        }
        return {"providers": providers}


class AtlasSettings(ToolSettings, ProviderSettings):
    atlas_idle_processes: int | None = Field(
        None, ge=0, description="Processes kept warm for the next calls; default: one per CPU."
    )
    atlas_load_threshold: float = Field(
        0.7, gt=0, description="CPU load above which Atlas takes no more calls; `inf`: takes all."
    )
    atlas_max_retry: int = Field(16, ge=0, description="Attempts to reach LiveKit.")
    atlas_health_port: int = Field(
        8081, ge=0, le=65535, description="Port of `/healthz` and `/readyz`."
    )
    atlas_prometheus_port: int | None = Field(
        None, ge=1, le=65535, description="Port of `/metrics`; default: none."
    )
    atlas_resume_line: str = Field(
        "I am back. Please go on.", description="Said by an Atlas that takes over a running call."
    )

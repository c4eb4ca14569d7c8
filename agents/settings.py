from __future__ import annotations

import sys
from typing import Any, Literal, TypeVar

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from engine.settings import EngineSettings
from engine.startup import sentence_about


class AgentSettings(BaseSettings):
    """What both agent processes need."""

    model_config = SettingsConfigDict(extra="ignore")

    livekit_url: str = Field(description="ws:// or wss:// address of LiveKit", pattern=r"^wss?://")
    livekit_api_key: str
    livekit_api_secret: str = Field(repr=False)
    internal_api_url: str = Field(description="base URL of the API", pattern=r"^https?://")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: Literal["console", "json"] = "console"
    agent_drain_seconds: float = Field(
        3.0,
        ge=0,
        description="how long running calls may go on after SIGTERM; new ones are refused",
    )
    agent_close_seconds: float = Field(
        4.5, gt=0, description="how long ending the calls that are left may take after that"
    )


_Settings = TypeVar("_Settings", bound=BaseSettings)


def load(kind: type[_Settings], **given: Any) -> _Settings:
    """Read settings from the environment, or leave with one sentence that names what is wrong."""
    try:
        return kind(**given)
    except ValidationError as wrong:
        print(sentence_about(wrong), file=sys.stderr)
        raise SystemExit(2) from None


def load_engine() -> EngineSettings:
    settings = load(EngineSettings)
    if settings.payload_encryption and not settings.keys:
        print("Cannot start: PAYLOAD_KEYS is missing.", file=sys.stderr)
        raise SystemExit(2)
    return settings

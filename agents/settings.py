from __future__ import annotations

from pydantic import Field

from engine.settings import HTTP_URL, EngineSettings, LiveKitSettings


class AgentSettings(EngineSettings, LiveKitSettings):
    """What both agent processes need."""

    livekit_url: str = Field(pattern=r"^wss?://", description="LiveKit's address, ws:// or wss://.")
    internal_api_url: str = Field(
        description="Base URL of the API, for the agents' own requests.", pattern=HTTP_URL
    )
    agent_drain_seconds: float = Field(
        3.0,
        ge=0,
        description="How long running calls may go on after SIGTERM; new ones are refused.",
    )
    agent_close_seconds: float = Field(
        4.5, gt=0, description="How long ending the calls that are left may take after that."
    )

from __future__ import annotations

from pydantic import AliasChoices, Field

from engine.secret_files import Secret
from engine.settings import HTTP_URL, EngineSettings, LiveKitSettings


class AgentSettings(EngineSettings, LiveKitSettings):
    """What both agent processes need."""

    livekit_url: str = Field(pattern=r"^wss?://", description="LiveKit's address, ws:// or wss://.")
    internal_api_url: str = Field(
        description="Base URL of the API, for the agents' own requests.", pattern=HTTP_URL
    )
    compass_url: str = Field(
        pattern=HTTP_URL, description="Base URL of Compass, which has the assistants."
    )
    agent_drain_seconds: float = Field(
        3.0,
        ge=0,
        description="How long running calls may go on after SIGTERM; new ones are refused.",
    )
    agent_close_seconds: float = Field(
        4.5, gt=0, description="How long ending the calls that are left may take after that."
    )


class HearingSettings(AgentSettings):
    """Where agents hear. Only the addresses differ on the embedded stack."""

    deepgram_api_key: Secret = Field(min_length=1, description="Deepgram's key, for hearing.")
    deepgram_base_url: str = Field(
        "https://api.deepgram.com/v1/listen", pattern=HTTP_URL, description="Deepgram's address."
    )
    groq_api_key: Secret = Field(min_length=1, description="Groq's key, for hearing and thinking.")
    groq_base_url: str = Field(
        "https://api.groq.com/openai/v1", pattern=HTTP_URL, description="Groq's address."
    )
    # The plugin's own name for it is the first; documents and other tools have the second.
    eleven_api_key: Secret = Field(
        min_length=1,
        validation_alias=AliasChoices("eleven_api_key", "elevenlabs_api_key"),
        description="ElevenLabs' key, for hearing and speaking.",
    )
    elevenlabs_base_url: str = Field(
        "https://api.elevenlabs.io/v1", pattern=HTTP_URL, description="ElevenLabs' address."
    )

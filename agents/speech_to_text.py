"""livekit's plugins for hearing. On the embedded stack only their base_url leads elsewhere."""

from __future__ import annotations

from typing import Any

from livekit.agents import stt
from livekit.plugins import deepgram, elevenlabs, groq

from agents.vendors import HearingVendors, UnknownProvider, without_region

# Of silence, after which a sentence of a record is over. A conversation has less patience.
_RECORD_PAUSE_MS = 300
_CONVERSATION_PAUSE_MS = 25


def speech_to_text(
    provider: str, model: str, language: str, vendors: HearingVendors, *, for_record: bool = False
) -> stt.STT[Any]:
    """`for_record`: whole sentences and their times count more than the quickest word.

    Raises UnknownProvider.
    """
    settings = vendors.settings
    match provider:
        case "deepgram":
            return deepgram.STT(
                model=model,
                language=language,
                endpointing_ms=_RECORD_PAUSE_MS if for_record else _CONVERSATION_PAUSE_MS,
                api_key=settings.deepgram_api_key,
                base_url=settings.deepgram_base_url,
                http_session=vendors.http,
            )
        case "groq":
            return groq.STT(
                model=model,
                language=without_region(language),
                api_key=settings.groq_api_key,
                client=vendors.groq(),
            )
        case "elevenlabs":
            return elevenlabs.STT(
                model=model,
                language_code=without_region(language),
                # Without it Scribe commits a transcript only when it is told to.
                server_vad={},
                include_timestamps=for_record,
                api_key=settings.eleven_api_key,
                base_url=settings.elevenlabs_base_url,
                http_session=vendors.http,
            )
    raise UnknownProvider(f"There is no speech recognition by {provider!r}.")

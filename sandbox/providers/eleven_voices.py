"""Which espeak voice stands in for which ElevenLabs voice id."""

from __future__ import annotations

from functools import lru_cache

from sandbox.providers.mouth import ASSISTANT_VOICE, known_voice

VOICES = {
    "default": ASSISTANT_VOICE,
    "hpp4J3VqNfWAUOO0d1Us": ASSISTANT_VOICE,  # the LiveKit plugin's own default
    "21m00Tcm4TlvDq8ikWAM": "en-us+f5",  # Rachel, the first voice of ElevenLabs' documentation
    "bIHbv24MWmeRgasZH58o": ASSISTANT_VOICE,  # Will, the plugin's default in earlier versions
}


@lru_cache(maxsize=256)
def espeak_voice(voice_id: str) -> str | None:
    """The espeak voice of an id, or of `espeak:<voice>`; None when there is no such voice."""
    prefix, _, voice = voice_id.partition(":")
    if prefix == "espeak":
        return voice if known_voice(voice) else None
    return VOICES.get(voice_id)

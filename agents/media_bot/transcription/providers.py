"""Who transcribes which language: media_bot.txt's table, and who stands in for whom."""

from __future__ import annotations

import re
from enum import StrEnum

# RFC 5646 section 2.1: language, script, region, variants.
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*")
_LONGEST_LANGUAGE = 35


class Provider(StrEnum):
    DEEPGRAM = "deepgram"
    GROQ = "groq"
    ELEVENLABS = "elevenlabs"

    @property
    def display_name(self) -> str:
        return _NAMES[self]

    @property
    def model(self) -> str:
        return _MODELS[self]


_NAMES = {
    Provider.DEEPGRAM: "Deepgram",
    Provider.GROQ: "Groq",
    Provider.ELEVENLABS: "ElevenLabs",
}
_MODELS = {
    Provider.DEEPGRAM: "nova-3",
    Provider.GROQ: "whisper-large-v3-turbo",
    Provider.ELEVENLABS: "scribe_v2_realtime",  # scribe_v1 and scribe_v2 take whole files only
}
# Both of them know some hundred languages; Deepgram's nova-3 knows far fewer.
_STANDS_IN = {
    Provider.DEEPGRAM: Provider.GROQ,
    Provider.ELEVENLABS: Provider.GROQ,
    Provider.GROQ: Provider.ELEVENLABS,
}


def providers_of(language: str, otherwise: Provider) -> tuple[Provider, ...]:
    """The first one transcribes; whoever follows does while those before cannot.

    `otherwise`: of languages that the table does not name (STT_PROVIDER).
    """
    match base_language(language):
        case "en":
            return (Provider.DEEPGRAM, Provider.GROQ)
        case "ar":
            return (Provider.ELEVENLABS, Provider.GROQ)
    return (otherwise, _STANDS_IN[otherwise])


def base_language(tag: str) -> str:
    return tag.partition("-")[0].lower()


def is_language(tag: str) -> bool:
    return len(tag) <= _LONGEST_LANGUAGE and _LANGUAGE.fullmatch(tag) is not None

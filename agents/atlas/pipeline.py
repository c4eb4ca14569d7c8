"""The conversation's machinery, as an assistant wants it: ears, mind, mouth and turn taking.

Always livekit's real plugins; on the embedded stack only their base_url leads elsewhere. Models
are objects, never strings such as "openai/gpt-4o": those mean LiveKit Cloud's inference.
"""

from __future__ import annotations

from typing import Any, cast

from livekit.agents import (
    NOT_GIVEN,
    AgentSession,
    NotGivenOr,
    TurnHandlingOptions,
    inference,
    llm,
    tts,
)
from livekit.agents.voice.turn import TurnDetectionMode
from livekit.plugins import elevenlabs, groq
from livekit.plugins.elevenlabs import TTSEncoding

from agents.atlas.vendors import Vendors
from agents.speech_to_text import speech_to_text
from agents.vendors import UnknownProvider, without_region
from contract.assistants import Assistant, TurnDetection, TurnOptions

DEFAULT_VOICE = "default"
# How long nothing may be understood after a sound that stopped the answer. Recognisers' finals come
# within half a second of quiet.
FALSE_INTERRUPTION_SECONDS = 0.6


def make_session(assistant: Assistant, language: str, vendors: Vendors) -> AgentSession[None]:
    return AgentSession[None](
        vad=_voice_detector(assistant.turn.detection),
        stt=speech_to_text(assistant.stt.provider, assistant.stt.model, language, vendors),
        llm=_mind(assistant, vendors),
        tts=_mouth(assistant, language, vendors),
        turn_handling=turn_handling(assistant.turn),
        # livekit would ignore interruptions in the first three seconds.
        aec_warmup_duration=None,
        # SilenceWatchdog is ours: livekit's timer goes on in hold and before the gate.
        user_away_timeout=None,
        session_close_transcript_timeout=0.5,
    )


def turn_handling(turn: TurnOptions) -> TurnHandlingOptions:
    return {
        "turn_detection": _turn_detection(turn.detection),
        "endpointing": {
            "min_delay": turn.min_endpointing_delay,
            "max_delay": turn.max_endpointing_delay,
        },
        # Without a mode livekit may choose "adaptive", which is LiveKit Cloud's.
        "interruption": {
            "mode": "vad",
            "enabled": turn.allow_interruptions,
            "min_duration": turn.min_interruption_seconds,
            # A cough between question and answer delays the answer by so much.
            "false_interruption_timeout": FALSE_INTERRUPTION_SECONDS,
        },
        "preemptive_generation": {"enabled": turn.preemptive_generation},
    }


def _turn_detection(detection: TurnDetection) -> TurnDetectionMode:
    if detection is TurnDetection.MODEL:
        # Without a version livekit may choose the one that runs in LiveKit Cloud.
        return inference.TurnDetector(version="v1-mini")
    return "vad" if detection is TurnDetection.VAD else "stt"


def _voice_detector(detection: TurnDetection) -> inference.VAD:
    """Local, from the wheel: nothing is fetched and nothing leaves the machine."""
    if detection is not TurnDetection.STT:
        return inference.VAD(model="silero")
    # The recogniser's end of speech makes livekit start this detector anew, which then meets the
    # tail of the same sentence: with the default of 0.05 s that was "new speech" in one turn of
    # twenty, and the answer waited for its end (1.6 s instead of 0.3).
    return inference.VAD(model="silero", min_speech_duration=0.15)


def _mind(assistant: Assistant, vendors: Vendors) -> llm.LLM[Any]:
    options = assistant.llm
    if options.provider != "groq":
        raise UnknownProvider(f"There is no language model by {options.provider!r}.")
    temperature: NotGivenOr[float] = (
        NOT_GIVEN if options.temperature is None else options.temperature
    )
    return groq.LLM(
        model=options.model,
        temperature=temperature,
        api_key=vendors.settings.groq_api_key,
        client=vendors.groq(),
    )


def _mouth(assistant: Assistant, language: str, vendors: Vendors) -> tts.TTS[Any]:
    settings = vendors.settings
    options = assistant.tts
    if options.provider != "elevenlabs":
        raise UnknownProvider(f"There is no voice by {options.provider!r}.")
    voice = elevenlabs.DEFAULT_VOICE_ID if options.voice_id == DEFAULT_VOICE else options.voice_id
    return elevenlabs.TTS(
        model=options.model,
        voice_id=voice,
        language=without_region(language),
        encoding=cast(TTSEncoding, settings.elevenlabs_encoding),
        api_key=settings.eleven_api_key,
        base_url=settings.elevenlabs_base_url,
        http_session=vendors.http,
    )

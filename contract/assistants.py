"""An assistant as Compass (`/assistants`) gives it to Atlas.

Plain data: the API's schemas check it (`api/assistants/schemas.py`), Atlas reads it. Durations are
seconds, languages are BCP-47.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class TurnDetection(StrEnum):
    STT = "stt"  # the recogniser says when a turn is over
    VAD = "vad"  # silence says it
    MODEL = "model"  # livekit's local end-of-turn model; never LiveKit Cloud inference


class RuntimeMode(StrEnum):
    PIPELINE = "pipeline"  # stt, llm and tts, one after the other
    REALTIME = "realtime"  # one model that hears and speaks


class OpeningMode(StrEnum):
    SAY = "say"  # speak `text` as it stands
    GENERATE = "generate"  # let the model open, `text` being its instruction
    WAIT = "wait"  # the caller speaks first


@dataclass(frozen=True, slots=True, kw_only=True)
class OpeningOptions:
    mode: OpeningMode = OpeningMode.SAY
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SttOptions:
    provider: str = "deepgram"  # deepgram | groq | elevenlabs
    model: str = "nova-3"


@dataclass(frozen=True, slots=True, kw_only=True)
class LlmOptions:
    provider: str = "groq"
    model: str = "llama-3.3-70b-versatile"
    temperature: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TtsOptions:
    provider: str = "elevenlabs"
    model: str = "eleven_turbo_v2_5"
    voice_id: str = "default"


@dataclass(frozen=True, slots=True, kw_only=True)
class RealtimeOptions:
    """Of mode `realtime`; stt, llm, tts and turn are not used then."""

    provider: str = "openai"
    model: str = "gpt-realtime"
    voice: str = "marin"


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnOptions:
    detection: TurnDetection = TurnDetection.STT
    min_endpointing_delay: float = 0.0
    max_endpointing_delay: float = 3.0
    allow_interruptions: bool = True
    min_interruption_seconds: float = 0.5
    preemptive_generation: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SilenceOptions:
    """After each `reprompt_after` of silence the next reprompt; after the last, the call ends."""

    reprompt_after: float = 10.0
    reprompts: tuple[str, ...] = ("Are you still there?",)
    end_call: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class FillerOptions:
    """A short word while the answer is being thought of, after `delay` seconds without speech."""

    enabled: bool = False
    words: tuple[str, ...] = ("One moment.",)
    delay: float = 1.5


@dataclass(frozen=True, slots=True, kw_only=True)
class EndCallTool:
    enabled: bool = True
    description: str = "End the call when the caller says goodbye."
    farewell: str = "Goodbye."


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpTool:
    """A tool that asks an HTTP service. `parameters` is a JSON schema of an object.

    GET sends the arguments as query, every other method as a JSON body.
    """

    name: str
    description: str
    url: str
    method: str = "POST"
    headers: dict[str, str] = field(default_factory=dict, repr=False)  # their values are secrets
    parameters: dict[str, Any] = field(default_factory=dict)
    timeout_seconds: float = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldCallerTool:
    """The assistant puts the caller on hold: says `before`, and after the hold `after`. The hold
    ends after `seconds`, or by POST /calls/{id}/resume."""

    enabled: bool = False
    description: str = "Put the caller on hold when they ask for a moment to look something up."
    before: str = "One moment, please."
    after: str = "Thank you for waiting."
    seconds: float = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolOptions:
    end_call: EndCallTool = EndCallTool()
    hold_caller: HoldCallerTool = HoldCallerTool()
    http: tuple[HttpTool, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TranscriptionOptions:
    """Of Media Bot's live transcription, which `Assistant.transcribe` switches on."""

    # Identities that get the data topic `transcript`. Empty: all agents, and the further humans
    # `human-<n>`; never the far side, unless it is named here.
    visible_to: tuple[str, ...] = ()
    # So many turns in a row of one person, each with a compound score of at most that, are a
    # strongly negative run (contract.facts: NEGATIVE_RUN).
    negative_turns: int = 3
    negative_compound: float = -0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaOptions:
    """What Media Bot plays in this assistant's calls."""

    hold_music_url: str | None = None  # None: the default music
    ringback: bool = False  # to who waits for Atlas: web callers, and phones that call us


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionOptions:
    """Days after a call's end; None: kept for ever. What a call's assistant says when the call
    ends counts for that call."""

    recording_days: int | None = None
    transcript_days: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Assistant:
    id: str
    name: str
    language: str = "en-US"
    instructions: str = "You are a helpful assistant on the phone. Answer in one or two sentences."
    opening: OpeningOptions = OpeningOptions()
    mode: RuntimeMode = RuntimeMode.PIPELINE
    realtime: RealtimeOptions = RealtimeOptions()
    stt: SttOptions = SttOptions()
    llm: LlmOptions = LlmOptions()
    tts: TtsOptions = TtsOptions()
    turn: TurnOptions = TurnOptions()
    silence: SilenceOptions = SilenceOptions()
    fillers: FillerOptions = FillerOptions()
    tools: ToolOptions = ToolOptions()
    media: MediaOptions = MediaOptions()
    text_input: bool = True
    transcribe: bool = False
    transcription: TranscriptionOptions = TranscriptionOptions()
    record: bool = True
    max_duration_seconds: float = 3600.0
    max_hold_seconds: float = 1800.0
    retention: RetentionOptions = RetentionOptions()

"""Assistants as clients write them; the fields of `contract.assistants`, checked."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from api.assistants.http_tool import HttpTool
from api.fields import AssetUrl, AssistantId, Language, Strict
from api.pages import NextCursor
from contract.assistants import OpeningMode, RuntimeMode, TurnDetection

Sentence = Annotated[str, StringConstraints(min_length=1, max_length=500)]
ModelName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/:-]{0,127}$")]
Identity = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.:@+-]{1,128}$")]


class OpeningOptions(Strict):
    mode: OpeningMode = Field(
        OpeningMode.SAY,
        description="`say` speaks the text, `generate` lets the model open by it, `wait` listens.",
    )
    text: str = Field("", max_length=2000, examples=["Hello, this is the Blue Door restaurant."])


class SttOptions(Strict):
    provider: Literal["deepgram", "groq", "elevenlabs"] = Field(
        "deepgram", description="Who recognises speech."
    )
    model: ModelName = Field("nova-3", examples=["nova-3"])


class LlmOptions(Strict):
    provider: Literal["groq"] = Field("groq", description="Who thinks of the answers.")
    model: ModelName = Field("llama-3.3-70b-versatile", examples=["llama-3.3-70b-versatile"])
    temperature: float | None = Field(None, ge=0, le=2, examples=[0.4])


class TtsOptions(Strict):
    provider: Literal["elevenlabs"] = Field("elevenlabs", description="Who speaks.")
    model: ModelName = Field("eleven_turbo_v2_5", examples=["eleven_turbo_v2_5"])
    voice_id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_+-]{1,64}$")] = Field(
        "default", examples=["default"]
    )


class RealtimeOptions(Strict):
    provider: Literal["openai"] = Field("openai", description="Whose model hears and speaks.")
    model: ModelName = Field("gpt-realtime", examples=["gpt-realtime"])
    voice: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")] = Field(
        "marin", examples=["marin"]
    )


class TurnOptions(Strict):
    detection: TurnDetection = Field(
        TurnDetection.STT, description="What says that the caller has finished a turn."
    )
    min_endpointing_delay: float = Field(0.0, ge=0, le=10, description="Seconds.")
    max_endpointing_delay: float = Field(3.0, ge=0, le=30, description="Seconds.")
    allow_interruptions: bool = Field(True, description="May the caller cut in?")
    min_interruption_seconds: float = Field(
        0.5, ge=0, le=10, description="Speech that is shorter does not cut in."
    )
    preemptive_generation: bool = Field(
        False, description="Think of an answer before the turn is surely over."
    )

    @model_validator(mode="after")
    def _delays_are_in_order(self) -> TurnOptions:
        if self.max_endpointing_delay < self.min_endpointing_delay:
            raise ValueError("max_endpointing_delay is less than min_endpointing_delay")
        return self


class SilenceOptions(Strict):
    reprompt_after: float = Field(10.0, ge=1, le=600, description="Seconds of silence.")
    reprompts: tuple[Sentence, ...] = Field(
        ("Are you still there?",), max_length=10, description="One after each silence."
    )
    end_call: bool = Field(True, description="Hang up after the last one.")


class FillerOptions(Strict):
    enabled: bool = Field(False, description="Say a short word while the answer is thought of.")
    words: tuple[Sentence, ...] = Field(("One moment.",), min_length=1, max_length=20)
    delay: float = Field(1.5, ge=0.1, le=30, description="Seconds without speech.")


class EndCallTool(Strict):
    enabled: bool = Field(True, description="May the assistant hang up?")
    description: str = Field(
        "End the call when the caller says goodbye.", min_length=1, max_length=1000
    )
    farewell: str = Field("Goodbye.", max_length=500, description="Spoken before hanging up.")


class HoldCallerTool(Strict):
    enabled: bool = Field(False, description="May the assistant put the caller on hold?")
    description: str = Field(
        "Put the caller on hold when they ask for a moment to look something up.",
        min_length=1,
        max_length=1000,
    )
    before: str = Field("One moment, please.", max_length=500, description="Spoken before it.")
    after: str = Field("Thank you for waiting.", max_length=500, description="Spoken after it.")
    seconds: float = Field(
        30.0,
        ge=1,
        le=3600,
        description="The hold ends after so long, or by `POST /calls/{id}/resume` with holder "
        "`assistant`.",
    )


class MediaOptions(Strict):
    hold_music_url: AssetUrl | None = Field(
        None, description="Instead of the default hold music, which also stands in when it fails."
    )
    ringback: bool = Field(
        False, description="A ringback tone for whoever waits for the assistant to come."
    )


class ToolOptions(Strict):
    end_call: EndCallTool = EndCallTool()
    hold_caller: HoldCallerTool = HoldCallerTool()
    http: tuple[HttpTool, ...] = Field((), max_length=20)

    @model_validator(mode="after")
    def _names_differ(self) -> ToolOptions:
        names = ["end_call", "hold_caller", *(tool.name for tool in self.http)]
        doubles = sorted({name for name in names if names.count(name) > 1})
        if doubles:
            raise ValueError(f"two tools have the same name: {', '.join(doubles)}")
        return self


class TranscriptionOptions(Strict):
    """Of Media Bot's live transcription; counts when `transcribe` is on."""

    visible_to: tuple[Identity, ...] = Field(
        (),
        max_length=20,
        description="Participants who get the live transcript in the room. Empty: all agents, and "
        "the further humans (`human-…`), but not the far side.",
    )
    negative_turns: int = Field(
        3, ge=1, le=100, description="So many turns of one person in a row are a negative run."
    )
    negative_compound: float = Field(
        -0.5, ge=-1, le=1, description="A turn is negative with a compound score of at most that."
    )


class RetentionOptions(Strict):
    """Counted from a call's end, by what is written here when it ends: a change later on is for
    calls that end later. A legal hold goes before it."""

    recording_days: int | None = Field(
        None,
        ge=1,
        le=36_500,
        description="A recording is deleted so many days after its call. `null`: never.",
        examples=[90],
    )
    transcript_days: int | None = Field(
        None,
        ge=1,
        le=36_500,
        description="The same for what was said, on the timeline too. `null`: never.",
        examples=[30],
    )


class AssistantUpdate(Strict):
    """All of an assistant but its id. What is left out gets its default."""

    name: str = Field(min_length=1, max_length=128, examples=["Blue Door front desk"])
    language: Language = "en-US"
    instructions: str = Field(
        "You are a helpful assistant on the phone. Answer in one or two sentences.",
        min_length=1,
        max_length=20_000,
        description="Who the assistant is and how it behaves.",
    )
    opening: OpeningOptions = OpeningOptions()
    mode: RuntimeMode = Field(
        RuntimeMode.PIPELINE,
        description="`pipeline`: stt, llm and tts, one after the other. `realtime`: one model that "
        "hears and speaks; then `realtime` counts, and stt, llm, tts and turn do not.",
    )
    realtime: RealtimeOptions = RealtimeOptions()
    stt: SttOptions = SttOptions()
    llm: LlmOptions = LlmOptions()
    tts: TtsOptions = TtsOptions()
    turn: TurnOptions = TurnOptions()
    silence: SilenceOptions = SilenceOptions()
    fillers: FillerOptions = FillerOptions()
    tools: ToolOptions = ToolOptions()
    media: MediaOptions = MediaOptions()
    text_input: bool = Field(True, description="Answer what the caller types, too.")
    transcribe: bool = Field(False, description="Live transcription by Media Bot.")
    transcription: TranscriptionOptions = TranscriptionOptions()
    record: bool = Field(True, description="Record its calls unless a call says otherwise.")
    max_duration_seconds: float = Field(3600.0, ge=1, le=86_400)
    max_hold_seconds: float = Field(
        1800.0, ge=1, le=86_400, description="A call that is on hold longer than this ends."
    )
    retention: RetentionOptions = RetentionOptions()


class AssistantCreate(AssistantUpdate):
    id: AssistantId | None = Field(None, description="Made up when left out.", examples=["demo"])


class AssistantRead(AssistantUpdate):
    model_config = ConfigDict(extra="ignore")

    id: AssistantId
    created_at: datetime
    updated_at: datetime


class AssistantList(BaseModel):
    items: list[AssistantRead]
    next_cursor: NextCursor

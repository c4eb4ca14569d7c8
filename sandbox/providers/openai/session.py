"""A realtime session's configuration: what a client may set, and what it is then."""

from __future__ import annotations

import copy
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from sandbox.providers.mouth import ASSISTANT_VOICE
from sandbox.providers.openai.errors import Mistake, from_validation
from sandbox.providers.openai.options import (
    Format,
    NoiseReduction,
    Part,
    SemanticVad,
    ServerVad,
    Transcription,
    TurnDetection,
)

# Each of OpenAI's voices is a voice of espeak: told apart, not alike.
VOICES = {
    "marin": ASSISTANT_VOICE,
    "alloy": "en+m1",
    "ash": "en+m2",
    "ballad": "en+m4",
    "cedar": "en+m8",
    "coral": "en+f1",
    "echo": "en+m5",
    "sage": "en+f4",
    "shimmer": "en-us+f5",
    "verse": "en+m6",
}
Voice = Literal[
    "alloy", "ash", "ballad", "cedar", "coral", "echo", "marin", "sage", "shimmer", "verse"
]
Modalities = Annotated[list[Literal["text", "audio"]], Field(min_length=1, max_length=1)]
MaxTokens = Literal["inf"] | Annotated[int, Field(ge=1, le=4096)]


class _Input(Part):
    format: Format | None = None
    transcription: Transcription | None = None
    noise_reduction: NoiseReduction | None = None
    turn_detection: TurnDetection | None = None


class Output(Part):
    format: Format | None = None
    voice: Voice | None = None
    speed: float = Field(default=1.0, ge=0.25, le=1.5)


class _Audio(Part):
    input: _Input | None = None
    output: Output | None = None


class Tool(Part):
    type: Literal["function"] = "function"
    name: str = Field(min_length=1, max_length=64)
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class Chosen(Part):
    type: Literal["function"]
    name: str


ToolChoice = Literal["auto", "none", "required"] | Chosen


class SessionUpdate(Part):
    """`session` of a session.update."""

    type: Literal["realtime"]
    model: str | None = None
    output_modalities: Modalities | None = None
    instructions: str | None = None
    audio: _Audio | None = None
    tools: list[Tool] | None = None
    tool_choice: ToolChoice | None = None
    max_output_tokens: MaxTokens | None = None
    include: list[Literal["item.input_audio_transcription.logprobs"]] | None = None
    tracing: Any = None
    truncation: Any = None
    reasoning: Any = None
    prompt: Any = None
    parallel_tool_calls: bool | None = None


class Session:
    """The effective configuration. `config` is what `session.updated` shows."""

    def __init__(self, identifier: str, model: str, expires_at: int) -> None:
        self.config: dict[str, Any] = {
            "type": "realtime",
            "object": "realtime.session",
            "id": identifier,
            "model": model,
            "output_modalities": ["audio"],
            "instructions": "",
            "tools": [],
            "tool_choice": "auto",
            "max_output_tokens": "inf",
            "tracing": None,
            "truncation": "auto",
            "prompt": None,
            "expires_at": expires_at,
            "audio": {
                "input": {
                    "format": {"type": "audio/pcm", "rate": 24000},
                    "transcription": None,
                    "noise_reduction": None,
                    "turn_detection": ServerVad(type="server_vad").model_dump(),
                },
                "output": {
                    "format": {"type": "audio/pcm", "rate": 24000},
                    "voice": "alloy",
                    "speed": 1.0,
                },
            },
            "include": None,
        }

    def update(self, asked: object, *, spoken: bool) -> None:
        """Take over what is named, or nothing. `spoken`: the assistant was heard already."""
        try:
            update = SessionUpdate.model_validate(asked)
        except ValidationError as error:
            raise from_validation(error, "session") from error
        changed = copy.deepcopy(self.config)
        if update.model not in (None, changed["model"]):
            raise Mistake("Cannot update a conversation's model.", "invalid_value", "session.model")
        named = update.model_dump(exclude_unset=True)
        _merge(changed, {k: v for k, v in named.items() if k not in ("audio", "model")})
        _merge_audio(changed["audio"], update)
        if spoken and changed["audio"]["output"]["voice"] != self.voice:
            raise Mistake(
                "Cannot update a conversation's voice if assistant audio is present.",
                "cannot_update_voice",
            )
        self.config = changed

    @property
    def turn_detection(self) -> ServerVad | SemanticVad | None:
        found = self.config["audio"]["input"]["turn_detection"]
        if found is None:
            return None
        kind = ServerVad if found["type"] == "server_vad" else SemanticVad
        return kind.model_validate(found)

    @property
    def transcription(self) -> dict[str, Any] | None:
        found: dict[str, Any] | None = self.config["audio"]["input"]["transcription"]
        return found

    @property
    def language(self) -> str:
        return str((self.transcription or {}).get("language") or "")

    @property
    def input_format(self) -> str:
        return str(self.config["audio"]["input"]["format"]["type"])

    @property
    def voice(self) -> str:
        return str(self.config["audio"]["output"]["voice"])


# A null clears these; any other null leaves its parameter at what it was.
_CLEARED_BY_NULL = ("tracing", "prompt", "include", "reasoning")


def _merge(config: dict[str, Any], named: dict[str, Any]) -> None:
    for name, value in named.items():
        if value is not None or name in _CLEARED_BY_NULL:
            config[name] = value


def _merge_audio(config: dict[str, Any], update: SessionUpdate) -> None:
    if update.audio is None:
        return
    heard, spoken = update.audio.input, update.audio.output
    if heard is not None:
        for name in heard.model_fields_set:
            value: Part | None = getattr(heard, name)
            if name != "format":
                config["input"][name] = value.model_dump() if value else None
        _merge_format(config["input"], heard.format)
    if spoken is not None:
        _merge(config["output"], spoken.model_dump(exclude_unset=True, exclude={"format"}))
        _merge_format(config["output"], spoken.format)


def _merge_format(config: dict[str, Any], named: Format | None) -> None:
    if named is not None:
        pcm = {"rate": 24000} if named.type == "audio/pcm" else {}
        config["format"] = {"type": named.type, **pcm}

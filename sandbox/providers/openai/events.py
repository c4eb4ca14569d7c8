"""The events a client may send, and their checking."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter, ValidationError

from sandbox.providers.openai.errors import Mistake, from_validation
from sandbox.providers.openai.options import Part
from sandbox.providers.openai.session import MaxTokens, Modalities, Output, Tool, ToolChoice

_Id = Annotated[str, Field(max_length=32)]
_DEEPEST = 100  # levels of an event: a tool's JSON schema may have some
MOST_AUDIO = 15 * 1024 * 1024  # bytes of one append


class Heard(Part):
    type: Literal["input_text", "input_audio", "input_image"]
    text: str | None = None
    audio: str | None = None
    transcript: str | None = None
    image_url: str | None = None
    detail: str | None = None


class Told(Part):
    type: Literal["input_text"]
    text: str


class Said(Part):
    type: Literal["output_text", "output_audio"]
    text: str | None = None
    audio: str | None = None
    transcript: str | None = None


class _AnyItem(Part):
    id: _Id | None = None
    object: Literal["realtime.item"] | None = None
    status: Literal["completed", "incomplete", "in_progress"] | None = None


class UserMessage(_AnyItem):
    type: Literal["message"]
    role: Literal["user"]
    content: list[Heard]


class SystemMessage(_AnyItem):
    type: Literal["message"]
    role: Literal["system"]
    content: list[Told]


class AssistantMessage(_AnyItem):
    type: Literal["message"]
    role: Literal["assistant"]
    content: list[Said]


class FunctionCall(_AnyItem):
    type: Literal["function_call"]
    call_id: _Id | None = None
    name: str
    arguments: str


class FunctionOutput(_AnyItem):
    type: Literal["function_call_output"]
    call_id: _Id
    output: str


_Message = Annotated[UserMessage | SystemMessage | AssistantMessage, Field(discriminator="role")]
ClientItem = Annotated[_Message | FunctionCall | FunctionOutput, Field(discriminator="type")]


class Reference(Part):
    """An item of the conversation, by its id."""

    type: Literal["item_reference"]
    id: str


class ResponseParams(Part):
    """`response` of a response.create."""

    conversation: Literal["auto", "none"] | None = None
    instructions: str | None = None
    input: list[Reference | ClientItem] | None = None
    output_modalities: Modalities | None = None
    audio: dict[Literal["output"], Output] | None = None
    tools: list[Tool] | None = None
    tool_choice: ToolChoice | None = None
    max_output_tokens: MaxTokens | None = None
    metadata: dict[str, str] | None = None
    reasoning: Any = None
    parallel_tool_calls: bool | None = None
    prompt: Any = None


class _Event(Part):
    event_id: Annotated[str, Field(max_length=512)] | None = None


class SessionUpdated(_Event):
    type: Literal["session.update"]
    session: dict[str, Any]


class Append(_Event):
    type: Literal["input_audio_buffer.append"]
    audio: str

    def data(self) -> bytes:
        try:
            data = base64.b64decode(self.audio, validate=True)
        except (binascii.Error, ValueError) as error:
            message = "Invalid 'audio'. Expected base64-encoded audio bytes (mono PCM16 at 24kHz)"
            raise Mistake(
                f"{message} but got an invalid value.", "invalid_value", "audio"
            ) from error
        if len(data) > MOST_AUDIO:
            raise Mistake("Invalid 'audio': more than 15 MiB.", "invalid_value", "audio")
        return data


class Commit(_Event):
    type: Literal["input_audio_buffer.commit"]


class Clear(_Event):
    type: Literal["input_audio_buffer.clear"]


class ItemCreate(_Event):
    type: Literal["conversation.item.create"]
    item: ClientItem
    previous_item_id: str | None = None


class ItemRetrieve(_Event):
    type: Literal["conversation.item.retrieve"]
    item_id: str


class ItemDelete(_Event):
    type: Literal["conversation.item.delete"]
    item_id: str


class ItemTruncate(_Event):
    type: Literal["conversation.item.truncate"]
    item_id: str
    content_index: Annotated[int, Field(ge=0)]
    audio_end_ms: Annotated[int, Field(ge=0)]


class ResponseCreate(_Event):
    type: Literal["response.create"]
    response: ResponseParams | None = None


class ResponseCancel(_Event):
    type: Literal["response.cancel"]
    response_id: str | None = None


ConversationEvent = ItemCreate | ItemRetrieve | ItemDelete | ItemTruncate
ClientEvent = (
    SessionUpdated | Append | Commit | Clear | ConversationEvent | ResponseCreate | ResponseCancel
)
_ADAPTER: TypeAdapter[ClientEvent] = TypeAdapter(
    Annotated[ClientEvent, Field(discriminator="type")]
)


def parse_json(text: str) -> dict[str, Any]:
    """The object that a client sent. Raises Mistake."""
    try:
        event = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Mistake("Failed to parse event as JSON.", "invalid_json") from error
    if not isinstance(event, dict):
        raise Mistake("Invalid event: expected an object.", "invalid_type")
    if _depth(event) > _DEEPEST:
        raise Mistake("Failed to parse event: too deeply nested.", "invalid_json")
    return event


def _depth(value: object) -> int:
    """Of lists and objects within each other, counted no further than matters."""
    level, layer = 0, [value]
    while layer and level <= _DEEPEST:
        level += 1
        inner = [v for v in layer if isinstance(v, dict | list)]
        layer = [w for v in inner for w in (v.values() if isinstance(v, dict) else v)]
    return level


def check(event: dict[str, Any]) -> ClientEvent:
    """The event, checked. Raises Mistake in the API's words."""
    try:
        return _ADAPTER.validate_python(event)
    except ValidationError as error:
        raise from_validation(error) from error

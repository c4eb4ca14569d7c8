"""The conversation: items in their order, as the API shows them and as the mind reads them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sandbox.providers.mind import Message
from sandbox.providers.openai.errors import Mistake, new_id

# What the mind is told of speech that the ears did not understand: no scenario has such a sentence.
NOT_UNDERSTOOD = "(not understood)"


@dataclass(eq=False)
class Item:
    """`wire` is the item as the API sends it; speech adds what only the server knows."""

    wire: dict[str, Any]
    heard: str | None = None  # of the user's speech: the text, "" if it was not understood
    audio_ms: int = 0  # of speech, the user's or the assistant's
    finished: bool = True  # an assistant's item grows while it is being spoken

    @property
    def id(self) -> str:
        return str(self.wire["id"])

    @property
    def is_speech_of_assistant(self) -> bool:
        return self.wire.get("role") == "assistant" and any(
            part["type"] == "output_audio" for part in self.wire["content"]
        )

    @property
    def is_cut_short(self) -> bool:
        """Whether the assistant did not get to its end, or was not heard to it."""
        return self.is_speech_of_assistant and (
            self.wire["status"] == "incomplete" or "transcript" not in self.wire["content"][0]
        )

    @property
    def text(self) -> str:
        """All its words that are text: what the model is billed for beside the audio."""
        if self.wire["type"] == "function_call":
            return f"{self.wire['name']} {self.wire['arguments']}"
        if self.wire["type"] == "function_call_output":
            return str(self.wire["output"])
        parts = self.wire["content"]
        return " ".join(part.get("text") or part.get("transcript") or "" for part in parts).strip()


def user_speech(identifier: str, heard: str, audio_ms: int) -> Item:
    content = [{"type": "input_audio", "transcript": None}]
    return Item(_message(identifier, "user", content), heard=heard, audio_ms=audio_ms)


def begun_message(identifier: str) -> Item:
    item = Item(_message(identifier, "assistant", []), finished=False)
    item.wire["status"] = "in_progress"
    return item


def begun_call(identifier: str, name: str) -> Item:
    wire = {
        "id": identifier,
        "object": "realtime.item",
        "type": "function_call",
        "status": "in_progress",
        "name": name,
        "call_id": new_id("call"),
        "arguments": "",
    }
    return Item(wire, finished=False)


def _message(identifier: str, role: str, content: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "id": identifier,
        "object": "realtime.item",
        "type": "message",
        "status": "completed",
        "role": role,
        "content": content,
    }


class Conversation:
    def __init__(self) -> None:
        self.id = new_id("conv")
        self._items: list[Item] = []

    @property
    def items(self) -> list[Item]:
        return list(self._items)

    @property
    def last_id(self) -> str | None:
        return self._items[-1].id if self._items else None

    def get(self, identifier: str) -> Item | None:
        return next((item for item in self._items if item.id == identifier), None)

    def append(self, item: Item) -> str | None:
        """Returns the id of the item before it."""
        previous = self.last_id
        self._items.append(item)
        return previous

    def create(self, item: Item, previous_item_id: str | None) -> str | None:
        """Add a client's item. Returns the id of the item before it. Raises Mistake."""
        if self.get(item.id) is not None:
            message = f"Error adding item: an item with id '{item.id}' already exists."
            raise Mistake(message, "item_create_duplicate_item_id")
        if item.wire["type"] == "function_call_output":
            self._check_call(item.wire["call_id"])
        if previous_item_id is None:
            return self.append(item)
        if previous_item_id == "root":
            self._items.insert(0, item)
            return None
        before = self.get(previous_item_id)
        if before is None:
            message = f"Error adding item: the previous item with id '{previous_item_id}' does not"
            raise Mistake(f"{message} exist.", "item_create_invalid_previous_item_id")
        self._items.insert(self._items.index(before) + 1, item)
        return previous_item_id

    def retrieve(self, identifier: str) -> Item:
        return self._items[self._at("retrieving", identifier, "item_retrieve_invalid_item_id")]

    def delete(self, identifier: str) -> None:
        del self._items[self._at("deleting", identifier, "item_delete_invalid_item_id")]

    def truncate(self, identifier: str, content_index: int, audio_end_ms: int) -> None:
        """Forget what of the assistant's speech was not played, and all of its transcript."""
        item = self._items[self._at("truncating", identifier, "item_truncate_invalid_item_id")]
        if not item.is_speech_of_assistant:
            message = "Only model output audio messages can be truncated"
            raise Mistake(message, "unsupported_content_type")
        if content_index >= len(item.wire["content"]):
            raise Mistake("Invalid 'content_index'.", "invalid_value", "content_index")
        if audio_end_ms > item.audio_ms:
            length = f"Audio content of {item.audio_ms}ms"
            message = f"{length} is already shorter than {audio_end_ms}ms"
            raise Mistake(message, "invalid_value", "audio_end_ms")
        item.audio_ms = audio_end_ms
        del item.wire["content"][content_index]["transcript"]

    def _check_call(self, call_id: str) -> None:
        if not any(item.wire.get("call_id") == call_id for item in self._items):
            message = f"Tool call ID '{call_id}' not found in conversation."
            raise Mistake(message, "invalid_tool_call_id")

    def _at(self, doing: str, identifier: str, code: str) -> int:
        for index, item in enumerate(self._items):
            if item.id == identifier:
                return index
        message = f"Error {doing} item: the item with id '{identifier}' does not exist."
        raise Mistake(message, code)


def created(asked: dict[str, Any]) -> Item:
    """The item of a conversation.item.create, which was checked. Raises Mistake."""
    wire = {"id": asked.get("id") or new_id("item"), "object": "realtime.item", **asked}
    wire["id"] = wire["id"] or new_id("item")
    wire["status"] = "completed"
    if wire["type"] == "function_call":
        wire["call_id"] = wire.get("call_id") or new_id("call")
    if wire["type"] != "message":
        return Item(wire)
    if any(part["type"] == "output_audio" for part in wire["content"]):
        message = "Assistant messages with audio cannot be created by the client."
        raise Mistake(message, "invalid_value", "item.content")
    return Item(wire)


def for_the_mind(items: Iterable[Item]) -> list[Message]:
    """The conversation as chat completions have it.

    An answer at its end that was cut short counts as not given: asked again, it is given again.
    """
    told, messages = list(items), list[Message]()
    while told and told[-1].is_cut_short:
        del told[-1]
    for item in told:
        wire = item.wire
        if wire["type"] == "function_call":
            function = {"name": wire["name"], "arguments": wire["arguments"]}
            call = {"id": wire["call_id"], "type": "function", "function": function}
            messages.append({"role": "assistant", "content": None, "tool_calls": [call]})
        elif wire["type"] == "function_call_output":
            message = {"tool_call_id": wire["call_id"], "content": wire["output"]}
            messages.append({"role": "tool", **message})
        else:
            messages.append({"role": wire["role"], "content": _words(item)})
    return messages


def _words(item: Item) -> str:
    if item.heard is not None:
        return item.heard or NOT_UNDERSTOOD
    return item.text


def canonical(arguments: dict[str, Any]) -> str:
    return json.dumps(arguments, ensure_ascii=False)

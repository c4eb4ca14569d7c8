"""One chat completion on the wire: whole, or as server-sent events word by word.

Shapes: https://console.groq.com/docs/api-reference#chat-create (OpenAI's, with `x_groq`).
"""

from __future__ import annotations

import asyncio
import json
import re
import time
import uuid
from typing import Any, Literal

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from sandbox.providers.mind import Calls, Message, Says, words
from sandbox.providers.scenario import Scenario

_PIECE = re.compile(r"\s*\S+")
_SENTENCE_ENDS = (".", "!", "?", "\u2026")


class _Lenient(BaseModel):
    """Parts that do not matter here are accepted and ignored, as the vendor adds to them."""

    model_config = ConfigDict(extra="ignore")


class _Named(_Lenient):
    name: str = Field(min_length=1)


class _Tool(_Lenient):
    function: _Named


class _Call(_Lenient):
    id: str
    function: _Named


class _Message(_Lenient):
    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[dict[str, Any]] | None = None
    tool_calls: list[_Call] | None = None
    tool_call_id: str | None = None


class _StreamOptions(_Lenient):
    include_usage: bool = False


class ChatRequest(_Lenient):
    model: str = Field(min_length=1)
    messages: list[_Message] = Field(min_length=1)
    tools: list[_Tool] | None = None
    tool_choice: str | dict[str, Any] | None = None
    stream: bool | None = False
    stream_options: _StreamOptions | None = None

    @property
    def offered(self) -> set[str]:
        """Names of the functions that may be called."""
        if self.tool_choice == "none":
            return set()
        return {tool.function.name for tool in self.tools or []}

    @property
    def conversation(self) -> list[Message]:
        """The messages as plain data, checked."""
        return [message.model_dump() for message in self.messages]


class Completion:
    """An answer with the ids and counts that all its chunks share."""

    def __init__(self, asked: ChatRequest, answer: Says | Calls) -> None:
        self._id = f"chatcmpl-{uuid.uuid4()}"
        self._call_id = f"call_{uuid.uuid4().hex[:24]}"
        self._created = int(time.time())
        self._asked, self._answer = asked, answer
        self.finish_reason = "stop" if isinstance(answer, Says) else "tool_calls"

    def deltas(self) -> list[dict[str, Any]]:
        """What follows the role: the words one by one, or the tool call in two parts."""
        if isinstance(self._answer, Says):
            return [{"content": piece} for piece in _PIECE.findall(self._answer.text)]
        arguments = json.dumps(self._answer.arguments)
        middle = len(arguments) // 2
        return [
            _tool_delta({"name": self._answer.name, "arguments": ""}, id=self._call_id),
            _tool_delta({"arguments": arguments[:middle]}),
            _tool_delta({"arguments": arguments[middle:]}),
        ]

    def chunk(self, delta: dict[str, Any], finish_reason: str | None = None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        return self._envelope("chat.completion.chunk") | {"choices": [choice]}

    def usage_chunk(self) -> dict[str, Any] | None:
        """The extra last chunk, if the client asked for it."""
        if self._asked.stream_options is None or not self._asked.stream_options.include_usage:
            return None
        return self._envelope("chat.completion.chunk") | {"choices": [], "usage": self.usage()}

    def usage(self) -> dict[str, int]:
        """Words stand for tokens."""
        prompt = sum(len(words(m.content).split()) for m in self._asked.messages)
        completion = len(self.deltas())
        return {
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "total_tokens": prompt + completion,
        }

    def whole(self) -> dict[str, Any]:
        message: dict[str, Any] = {"role": "assistant", "content": None}
        if isinstance(self._answer, Says):
            message["content"] = self._answer.text
        else:
            function = {
                "name": self._answer.name,
                "arguments": json.dumps(self._answer.arguments),
            }
            message["tool_calls"] = [
                {"id": self._call_id, "type": "function", "function": function}
            ]
        choice = {
            "index": 0,
            "message": message,
            "logprobs": None,
            "finish_reason": self.finish_reason,
        }
        return self._envelope("chat.completion") | {"choices": [choice], "usage": self.usage()}

    def _envelope(self, kind: str) -> dict[str, Any]:
        return {
            "id": self._id,
            "object": kind,
            "created": self._created,
            "model": self._asked.model,
            "system_fingerprint": "fp_sandbox",
        }


async def stream(
    request: web.Request, completion: Completion, scenario: Scenario, entry: dict[str, Any]
) -> web.StreamResponse:
    """Send the completion as events.

    Fills in `first_token_at`, `first_sentence_at` (a voice cannot begin before) and `finished_at`
    of the entry.
    """
    response = web.StreamResponse(
        headers={"Content-Type": "text/event-stream", "Cache-Control": "no-cache"}
    )
    await response.prepare(request)
    await asyncio.sleep(scenario.first_token_seconds)
    await response.write(first_event(completion))
    for number, delta in enumerate(completion.deltas()):
        if number:
            await asyncio.sleep(scenario.token_seconds)
        await response.write(_event(completion.chunk(delta)))
        entry.setdefault("first_token_at", time.time())
        if str(delta.get("content", "")).endswith(_SENTENCE_ENDS):
            entry.setdefault("first_sentence_at", time.time())
    entry.setdefault("first_sentence_at", time.time())
    await response.write(_event(completion.chunk({}, completion.finish_reason)))
    if usage := completion.usage_chunk():
        await response.write(_event(usage))
    await response.write(b"data: [DONE]\n\n")
    entry["finished_at"] = time.time()
    await response.write_eof()
    return response


def first_event(completion: Completion) -> bytes:
    return _event(completion.chunk({"role": "assistant", "content": ""}))


def _event(chunk: dict[str, Any]) -> bytes:
    return f"data: {json.dumps(chunk, ensure_ascii=False)}\n\n".encode()


def _tool_delta(function: dict[str, str], **fields: str) -> dict[str, Any]:
    kind = {"type": "function"} if fields else {}
    return {"tool_calls": [{"index": 0, **fields, **kind, "function": function}]}

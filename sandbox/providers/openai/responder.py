"""Which response comes of what: the mind's answer, one at a time in the conversation."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from sandbox.providers.faults import Vendor
from sandbox.providers.mind import Calls, Mind, Says
from sandbox.providers.misbehaviour import meet_answer
from sandbox.providers.openai import usage
from sandbox.providers.openai.conversation import Conversation, Item, created, for_the_mind
from sandbox.providers.openai.errors import Mistake, new_id
from sandbox.providers.openai.events import Reference, ResponseParams
from sandbox.providers.openai.production import produce
from sandbox.providers.openai.response import Order, Response
from sandbox.providers.openai.session import Session
from sandbox.providers.openai.wire_log import OPERATION, WireLog
from sandbox.providers.openai.wording import to_say

# What a fault's HTTP status is in a session: these fail the response, 5xx ends the session.
_FAILURES = {
    402: ("insufficient_quota", "insufficient_quota"),
    429: ("invalid_request_error", "inference_rate_limit_exceeded"),
}


class Responder:
    def __init__(
        self,
        mind: Mind,
        vendor: Vendor,
        request: web.Request,
        ws: web.WebSocketResponse,
        session: Session,
        conversation: Conversation,
        log: WireLog,
    ) -> None:
        self._mind, self._vendor, self._request, self._ws = mind, vendor, request, ws
        self._session, self._conversation, self._log = session, conversation, log
        self._in_conversation: Response | None = None
        self._running: dict[str, Response] = {}
        self._prompt: list[usage.Block] = []
        self.tasks: set[asyncio.Task[None]] = set()

    @property
    def spoken(self) -> bool:
        """Whether the assistant was heard: the voice is settled then."""
        return any(item.is_speech_of_assistant for item in self._conversation.items)

    def create(
        self, params: ResponseParams, *, by_client: bool, client_event_id: str | None = None
    ) -> None:
        """Begin a response, asked for by the client or by the end of a turn. Raises Mistake."""
        in_conversation = params.conversation != "none"
        if in_conversation and (active := self._active):
            raise Mistake(
                f"Conversation already has an active response in progress: {active.id}. Wait until"
                " the response is finished before creating a new one.",
                "conversation_already_has_active_response",
            )
        order = self._order(params)
        answer = order.answer
        said = answer.text if isinstance(answer, Says) else None
        called = answer.name if isinstance(answer, Calls) else None
        log = self._log.note(
            "response", by="client" if by_client else "turn", said=said, called=called
        )
        response = Response(order, self._send, self._gate, produce, log, client_event_id)
        log["response_id"] = response.id
        if in_conversation:
            self._in_conversation = response
        self._running[response.id] = response
        task = response.start()
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        task.add_done_callback(lambda _task: self._running.pop(response.id, None))

    async def cancel(self, response_id: str | None) -> None:
        """Raises Mistake when there is nothing to cancel."""
        found = self._running.get(response_id) if response_id else self._active
        if found is None or found.over:
            message = "Cancellation failed: no active response found"
            raise Mistake(message, "response_cancel_not_active")
        await found.cancel("client_cancelled")

    async def interrupt(self) -> None:
        """The user begins to speak."""
        if active := self._active:
            await active.cancel("turn_detected")

    @property
    def _active(self) -> Response | None:
        found = self._in_conversation
        return found if found is not None and not found.over else None

    def _order(self, params: ResponseParams) -> Order:
        config, scenario = self._session.config, self._mind.scenario
        given = params.model_dump(exclude_none=True)
        items = self._context(params)
        instructions = given.get("instructions", config["instructions"])
        tools = given.get("tools", config["tools"])
        prompt = usage.prompt(instructions, tools, items)
        previous, self._prompt = self._prompt, prompt
        return Order(
            answer=self._answer(params, items, tools),
            conversation=None if params.conversation == "none" else self._conversation,
            audio=config["audio"]["output"] | (given.get("audio") or {}).get("output", {}),
            modality=given.get("output_modalities", config["output_modalities"])[0],
            max_output_tokens=given.get("max_output_tokens", config["max_output_tokens"]),
            metadata=params.metadata,
            prompt=prompt,
            previous_prompt=previous,
            first_token_seconds=scenario.first_token_seconds,
            token_seconds=scenario.token_seconds,
        )

    def _context(self, params: ResponseParams) -> list[Item]:
        if params.input is None:
            return self._conversation.items
        return [
            self._conversation.retrieve(part.id)
            if isinstance(part, Reference)
            else created(part.model_dump(exclude_unset=True))
            for part in params.input
        ]

    def _answer(
        self, params: ResponseParams, items: list[Item], tools: list[Mapping[str, Any]]
    ) -> Says | Calls:
        """The mind's answer, unless the response's instructions give its words."""
        config = self._session.config
        if params.instructions:
            words = to_say(params.instructions, config["instructions"])
            if words is not None:
                return Says(words)
        choice = params.model_dump()["tool_choice"] or config["tool_choice"]
        chosen = choice["name"] if isinstance(choice, dict) else choice
        names = [str(tool["name"]) for tool in tools]
        answer = self._mind.answer(for_the_mind(items), set(names if chosen != "none" else ()))
        if chosen == "required" and names and isinstance(answer, Says):
            chosen = next((name for name in names if self._mind.tool(name)), names[0])
        if chosen in names:  # the client wants this one called, whatever the scenario says
            use = self._mind.tool(chosen)
            return Calls(chosen, use.arguments if use else {})
        return answer

    async def _gate(self, response: Response) -> bool:
        async def refuse(status: int, message: str) -> None:
            await self._fail(response, status, message)

        return await meet_answer(self._vendor, OPERATION, self._request, self._ws, refuse)

    async def _fail(self, response: Response, status: int, message: str) -> None:
        if status in _FAILURES:
            kind, code = _FAILURES[status]
            await response.fail({"type": kind, "code": code, "message": message})
            return
        if status >= 500:
            mistake = Mistake(message, "server_error", kind="server_error")
        else:
            mistake = Mistake(message, "invalid_api_key" if status == 401 else None)
        await self._ws.send_json(mistake.event(response.client_event_id))
        if status >= 500 or status == 401:
            await self._ws.close(code=1011 if status >= 500 else 3000, message=message.encode())

    async def _send(self, kind: str, **fields: Any) -> None:
        await self._ws.send_json({"type": kind, "event_id": new_id("event"), **fields})

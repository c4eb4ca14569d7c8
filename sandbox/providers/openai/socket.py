"""One open session: client events in, server events out."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import Any

from aiohttp import WSMsgType, web

from sandbox.providers.ears import Ears
from sandbox.providers.faults import Vendor
from sandbox.providers.mind import Mind
from sandbox.providers.openai import events
from sandbox.providers.openai.conversation import Conversation, Item, created, user_speech
from sandbox.providers.openai.errors import Mistake, new_id
from sandbox.providers.openai.limits import Limits
from sandbox.providers.openai.responder import Responder
from sandbox.providers.openai.session import Session
from sandbox.providers.openai.transcribing import transcribe
from sandbox.providers.openai.turns import Began, InputAudio, Spoke
from sandbox.providers.openai.wire_log import OPERATION, WireLog

_APPEND = "input_audio_buffer.append"
_HEARTBEAT_SECONDS = 30.0  # a client that went without a word does not keep its session
_MOST_BYTES = 32 << 20  # 15 MiB of audio in base64, and its event


class RealtimeSocket:
    def __init__(
        self, ears: Ears, mind: Mind, vendor: Vendor, limits: Limits, request: web.Request
    ) -> None:
        self._vendor, self._limits, self._request = vendor, limits, request
        self._ws = web.WebSocketResponse(
            max_msg_size=_MOST_BYTES, compress=False, heartbeat=_HEARTBEAT_SECONDS
        )
        identifier, model = new_id("sess"), request.query.get("model", "")
        self._session = Session(identifier, model, int(time.time() + limits.max_seconds))
        self._conversation = Conversation()
        self._log = WireLog(vendor, identifier)
        self._input = InputAudio(ears, self._session)
        self._responder = Responder(
            mind, vendor, request, self._ws, self._session, self._conversation, self._log
        )
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self, *, wrong_key: bool) -> web.StreamResponse:
        await self._ws.prepare(self._request)
        self._log.note("opened", query=dict(self._request.query))
        self._vendor.opened(self._request, OPERATION)
        try:
            if await self._admitted(wrong_key):
                await self._send("session.created", session=self._session.config)
                self._spawn(self._expire())
                await self._serve()
        except ConnectionError:
            pass  # the client went away while it was being answered
        finally:
            self._vendor.closed(self._request)
            self._log.note("closed", code=self._ws.close_code)
            for task in (*self._tasks, *self._responder.tasks):
                task.cancel()
        return self._ws

    async def _admitted(self, wrong_key: bool) -> bool:
        """OpenAI refuses keys and models within the session that it opened for them."""
        if wrong_key:
            message = "Incorrect API key provided: wrong-key."
            await self._end(Mistake(message, "invalid_api_key"), 3000)
        elif not self._session.config["model"]:
            await self._end(Mistake("You must provide a model parameter.", "missing_model"), 4000)
        return not self._ws.closed

    async def _end(self, mistake: Mistake, code: int) -> None:
        await self._refuse(mistake, None)
        await self._ws.close(code=code, message=f"{mistake.kind}.{mistake.code}".encode())

    async def _expire(self) -> None:
        await self._limits.expired(time.monotonic())
        limit = self._limits.max_seconds
        length = f"{limit / 60:g} minutes" if limit >= 60 else f"{limit:g} seconds"
        message = f"Your session hit the maximum duration of {length}."
        with suppress(ConnectionError):
            await self._refuse(Mistake(message, "session_expired"), None)
            await self._ws.close(code=1001, message=message.encode())

    async def _serve(self) -> None:
        async for message in self._ws:
            if message.type is WSMsgType.TEXT:
                await self._take(message.data)
            else:
                await self._refuse(Mistake("Invalid message: expected text.", "invalid_type"), None)

    async def _take(self, text: str) -> None:
        raw: dict[str, Any] = {}
        try:
            raw = events.parse_json(text)
            if raw.get("type") != _APPEND:
                self._log.client(raw)
            await self._obey(events.check(raw))
        except Mistake as mistake:
            if raw.get("type") == _APPEND:  # a good one is logged as it is heard
                self._log.client(raw)
            given = raw.get("event_id")
            await self._refuse(mistake, given if isinstance(given, str) else None)

    async def _obey(self, event: events.ClientEvent) -> None:
        if isinstance(event, events.Append):
            await self._hear(event.data())
        elif isinstance(event, events.Commit):
            await self._commit(await self._input.commit())
        elif isinstance(event, events.Clear):
            self._input.clear()
            await self._send("input_audio_buffer.cleared")
        elif isinstance(event, events.SessionUpdated):
            await self._configure(event)
        elif isinstance(event, events.ResponseCreate):
            self._responder.create(
                event.response or events.ResponseParams(),
                by_client=True,
                client_event_id=event.event_id,
            )
        elif isinstance(event, events.ResponseCancel):
            await self._responder.cancel(event.response_id)
        else:
            await self._edit(event)

    async def _configure(self, event: events.SessionUpdated) -> None:
        before = self._session.config["audio"]["input"]
        self._session.update(event.session, spoken=self._responder.spoken)
        after = self._session.config["audio"]["input"]
        if any(before[k] != after[k] for k in ("format", "turn_detection", "transcription")):
            self._input.configure(self._session)
        await self._send("session.updated", session=self._session.config)

    async def _edit(self, event: events.ConversationEvent) -> None:
        conversation = self._conversation
        if isinstance(event, events.ItemCreate):
            item = created(event.item.model_dump(exclude_unset=True))
            previous = conversation.create(item, event.previous_item_id)
            await self._tell_item(item, previous)
        elif isinstance(event, events.ItemRetrieve):
            item = conversation.retrieve(event.item_id)
            await self._send("conversation.item.retrieved", item=item.wire)
        elif isinstance(event, events.ItemDelete):
            conversation.delete(event.item_id)
            await self._send("conversation.item.deleted", item_id=event.item_id)
        else:
            place = (event.item_id, event.content_index, event.audio_end_ms)
            conversation.truncate(*place)
            fields = dict(zip(("item_id", "content_index", "audio_end_ms"), place, strict=True))
            await self._send("conversation.item.truncated", **fields)

    async def _hear(self, data: bytes) -> None:
        self._log.append(self._input.seconds(data))
        async for turn in self._input.append(data):
            detection = self._session.turn_detection
            if isinstance(turn, Began):
                await self._send(
                    "input_audio_buffer.speech_started",
                    audio_start_ms=turn.audio_start_ms,
                    item_id=turn.item_id,
                )
                if detection is not None and detection.interrupt_response:
                    await self._responder.interrupt()
                continue
            await self._send(
                "input_audio_buffer.speech_stopped",
                audio_end_ms=turn.audio_end_ms,
                item_id=turn.item_id,
            )
            await self._commit(turn)
            if detection is not None and detection.create_response:
                await self._answer()

    async def _answer(self) -> None:
        try:
            self._responder.create(events.ResponseParams(), by_client=False)
        except Mistake as mistake:  # the response before may not be interrupted
            await self._refuse(mistake, None)

    async def _commit(self, spoke: Spoke) -> None:
        """The buffer becomes an item, and is transcribed beside whatever follows."""
        item = user_speech(spoke.item_id, spoke.text, spoke.audio_ms)
        previous = self._conversation.append(item)
        await self._send("input_audio_buffer.committed", previous_item_id=previous, item_id=item.id)
        await self._tell_item(item, previous)
        self._log.note(
            "utterance",
            item_id=item.id,
            text=spoke.text,
            hearing=spoke.hearing,
            audio_end_at=spoke.audio_end_at,
            final_sent_at=time.time(),
        )
        if self._session.transcription is not None:
            self._spawn(transcribe(item, self._session.transcription, self._send))

    async def _tell_item(self, item: Item, previous: str | None) -> None:
        for kind in ("conversation.item.added", "conversation.item.done"):
            await self._send(kind, previous_item_id=previous, item=item.wire)

    async def _refuse(self, mistake: Mistake, client_event_id: str | None) -> None:
        event = mistake.event(client_event_id)
        self._log.note("error", **{k: v for k, v in event["error"].items() if k != "event_id"})
        await self._ws.send_json(event)

    async def _send(self, kind: str, **fields: Any) -> None:
        await self._ws.send_json({"type": kind, "event_id": new_id("event"), **fields})

    def _spawn(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

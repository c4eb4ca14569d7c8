"""One live Deepgram socket: audio in, SpeechStarted, Results, UtteranceEnd and Metadata out.

Protocol: https://developers.deepgram.com/reference/speech-to-text-api/listen-streaming
"""

from __future__ import annotations

import json
import time
import uuid

from aiohttp import WSMsgType, web

from sandbox.providers.deepgram_results import metadata, results, speech_started, utterance_end
from sandbox.providers.ears import Ears
from sandbox.providers.faults import Vendor
from sandbox.providers.hearing import (
    ENDPOINTING_SECONDS,
    PATIENCE_SECONDS,
    Event,
    Interim,
    Listener,
    Started,
    Utterance,
)
from sandbox.providers.misbehaviour import meet_answer
from sandbox.providers.pcm import from_wire

_IDLE_SECONDS = 10.0  # without audio or KeepAlive: closed with 1011, NET-0001


class LiveOptions:
    """The query of a live request. Raises ValueError with a sentence."""

    def __init__(self, request: web.Request) -> None:
        query = request.query
        self.encoding = query.get("encoding", "")
        if self.encoding not in ("linear16", "mulaw"):
            raise ValueError("Bad Request: encoding must be linear16 or mulaw.")
        self.rate = _number(query.get("sample_rate"), "sample_rate", 8000, 48000)
        self.channels = _number(query.get("channels", "1"), "channels", 1, 8)
        self.language = query.get("language", "")
        self.interim = query.get("interim_results") == "true"
        self.vad_events = query.get("vad_events") == "true"
        endpointing = query.get("endpointing", "true")
        self.endpoints = endpointing != "false"
        self.endpointing = ENDPOINTING_SECONDS if self.endpoints else PATIENCE_SECONDS
        if endpointing not in ("true", "false"):
            self.endpointing = _number(endpointing, "endpointing", 0, 60_000) / 1000
        gap = query.get("utterance_end_ms")
        self.gap = None if gap is None else _number(gap, "utterance_end_ms", 1, 60_000) / 1000


class LiveSocket:
    """One open socket."""

    def __init__(
        self, ears: Ears, vendor: Vendor, options: LiveOptions, request: web.Request
    ) -> None:
        self._vendor, self._options, self._request = vendor, options, request
        self._id = str(uuid.uuid4())
        self._ws = web.WebSocketResponse(max_msg_size=1 << 20)
        self._listener = Listener(
            ears,
            options.rate,
            options.language,
            endpointing=options.endpointing,
            interim=options.interim,
        )
        self._odd = b""
        self._word_end: float | None = None  # an UtteranceEnd is due `gap` after it

    async def run(self) -> web.StreamResponse:
        self._ws.headers["dg-request-id"] = self._id
        await self._ws.prepare(self._request)
        self._vendor.opened(self._request, "listen")
        try:
            while await self._receive():
                pass
        except ConnectionError:
            pass  # the client went away while it was being answered
        finally:
            self._vendor.closed(self._request)
        return self._ws

    async def _receive(self) -> bool:
        """Handle one message. False when the stream is over."""
        try:
            message = await self._ws.receive(timeout=_IDLE_SECONDS)
        except TimeoutError:
            reason = b"Deepgram did not receive audio data or a text message: NET-0001"
            await self._ws.close(code=1011, message=reason)
            return False
        if message.type is WSMsgType.BINARY:
            if not message.data:  # an empty frame ends the stream, as CloseStream does
                return await self._close()
            await self._hear(message.data)
            return True
        if message.type is WSMsgType.TEXT:
            return await self._command(message.data)
        return False

    async def _hear(self, data: bytes) -> None:
        width = (2 if self._options.encoding == "linear16" else 1) * self._options.channels
        data = self._odd + data
        whole = len(data) // width * width
        data, self._odd = data[:whole], data[whole:]
        samples = from_wire(data, self._options.encoding)[:: self._options.channels]
        async for event in self._listener.hear(samples):
            await self._tell(event)
        end, gap = self._word_end, self._options.gap
        if end is not None and gap is not None and self._listener.elapsed >= end + gap:
            self._word_end = None
            await self._ws.send_json(utterance_end(end))

    async def _command(self, text: str) -> bool:
        try:
            kind = json.loads(text)["type"]
        except (ValueError, KeyError, TypeError):
            kind = None
        if kind == "KeepAlive":
            return True
        if kind == "Finalize":
            spoken = [event async for event in self._listener.finish()]
            for event in spoken or [_silence(self._listener.elapsed)]:
                await self._tell(event, from_finalize=True)
            return True
        if kind == "CloseStream":
            return await self._close()
        await self._ws.close(code=1008, message=b"DATA-0001: unknown text message")
        return False

    async def _close(self) -> bool:
        async for event in self._listener.finish():
            await self._tell(event)
        await self._ws.send_json({"type": "Metadata", **metadata(self._id, self._listener.elapsed)})
        self._vendor.asked("listen", event="closed", query=dict(self._request.query))
        await self._ws.close()
        return False

    async def _tell(self, event: Event, *, from_finalize: bool = False) -> None:
        if isinstance(event, Started):
            self._word_end = None
            if self._options.vad_events:
                await self._ws.send_json(speech_started(event.at))
        elif isinstance(event, Interim):
            await self._ws.send_json(
                results(self._id, 0.7, event.start, event.duration, text=event.text)
            )
        else:
            await self._finalise(event, from_finalize)

    async def _finalise(self, heard: Utterance, from_finalize: bool) -> None:
        if not await meet_answer(self._vendor, "listen", self._request, self._ws, self._fail):
            return
        self._word_end = heard.start + heard.duration if heard.text else None
        await self._ws.send_json(
            results(
                self._id,
                heard.confidence,
                heard.start,
                heard.duration,
                text=heard.text,
                is_final=True,
                speech_final=self._options.endpoints or from_finalize,
                from_finalize=from_finalize,
            )
        )
        if heard.audio_end_at:
            self._vendor.asked(
                "listen",
                event="utterance",
                text=heard.text,
                language=heard.language,
                hearing=heard.hearing,
                audio_end_at=heard.audio_end_at,
                final_sent_at=time.time(),
            )

    async def _fail(self, _status: int, message: str) -> None:
        await self._ws.close(code=1011, message=f"DATA-0000: {message}".encode())


def _silence(at: float) -> Utterance:
    return Utterance("", 0.0, "", at, 0.0, 0.0)


def _number(text: str | None, name: str, least: int, most: int) -> int:
    if text is None or not text.isascii() or not text.isdigit() or not least <= int(text) <= most:
        raise ValueError(f"Bad Request: {name} must be a number from {least} to {most}.")
    return int(text)

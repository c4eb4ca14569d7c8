"""The stand-in for Groq: chat completions and Whisper transcriptions.

Protocol: https://console.groq.com/docs/api-reference
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Mapping
from typing import Any

from aiohttp import web
from pydantic import ValidationError

from sandbox.providers.chat_stream import ChatRequest, Completion, first_event, stream
from sandbox.providers.ears import Ears
from sandbox.providers.faults import Vendor
from sandbox.providers.hearing import transcribe
from sandbox.providers.mind import Calls, Mind, words
from sandbox.providers.misbehaviour import broken, meet_request
from sandbox.providers.pcm import BadAudio, decode_file

WRONG_KEY = "wrong-key"
_FORMATS = ("json", "text", "verbose_json")


def refusal(status: int, message: str, code: str | None = None) -> web.Response:
    kind = "invalid_request_error" if status < 500 and status != 429 else "internal_server_error"
    if status == 429:
        kind, code = "tokens", "rate_limit_exceeded"
    if status == 401:
        code = "invalid_api_key"
    error: dict[str, Any] = {"message": message, "type": kind}
    if code:
        error["code"] = code
    return web.json_response({"error": error}, status=status)


class Groq:
    def __init__(self, ears: Ears, mind: Mind) -> None:
        self._ears, self._mind = ears, mind
        self.vendor = Vendor("groq", ("chat", "transcriptions"))

    def routes(self) -> list[web.AbstractRouteDef]:
        return [
            web.post("/openai/v1/chat/completions", self._chat),
            web.post("/openai/v1/audio/transcriptions", self._transcriptions),
        ]

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        received_at = time.time()
        if refused := _refused(request):
            return refused
        try:
            asked = ChatRequest.model_validate_json(await request.read())
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(part) for part in first["loc"]) or "body"
            return refusal(400, f"'{place}' : {first['msg']}")
        entry = self.vendor.asked(
            "chat",
            received_at=received_at,
            model=asked.model,
            stream=asked.stream,
            messages=len(asked.messages),
            last_role=asked.messages[-1].role,
            last_text=words(asked.messages[-1].content),
            tools=sorted(asked.offered),
        )
        answer = self._mind.answer(asked.conversation, asked.offered)
        if isinstance(answer, Calls):
            entry["called"] = {"name": answer.name, "arguments": answer.arguments}
        else:
            entry["said"] = answer.text
        completion = Completion(asked, answer)
        met = await meet_request(self.vendor, "chat", request, refusal)
        if met.answer is not None:
            return met.answer
        if met.fault is not None and asked.stream:
            return await broken(request, met.fault, "text/event-stream", first_event(completion))
        if met.fault is not None:
            return await broken(request, met.fault, "application/json")
        if asked.stream:
            return await stream(request, completion, self._mind.scenario, entry)
        entry["first_token_at"] = entry["first_sentence_at"] = entry["finished_at"] = time.time()
        return web.json_response(completion.whole())

    async def _transcriptions(self, request: web.Request) -> web.StreamResponse:
        received_at = time.time()
        if refused := _refused(request):
            return refused
        try:
            form = await request.post()
        except (ValueError, AssertionError):
            return refusal(400, "The body is not a valid multipart form.")
        problem = _problem(form)
        if problem:
            return refusal(400, problem)
        entry = self.vendor.asked(
            "transcriptions",
            received_at=received_at,
            **{k: v for k, v in form.items() if isinstance(v, str)},
        )
        met = await meet_request(self.vendor, "transcriptions", request, refusal)
        if met.answer is not None:
            return met.answer
        if met.fault is not None:
            return await broken(request, met.fault, "application/json")
        file = form["file"]
        assert isinstance(file, web.FileField)
        try:
            samples, rate = decode_file(file.file.read())
        except BadAudio:
            return refusal(400, "could not process file - is it a valid media file?")
        language = str(form.get("language", ""))
        heard = await transcribe(self._ears, samples, rate, language)
        text = " ".join(utterance.text for utterance in heard)
        entry |= {"text": text, "answered_at": time.time()}
        entry["hearing"] = [utterance.hearing for utterance in heard]
        return _transcript(form, text, language, samples.size / rate)


def _transcript(
    form: Mapping[str, object], text: str, language: str, duration: float
) -> web.Response:
    body: dict[str, Any] = {"text": text, "x_groq": {"id": f"req_{uuid.uuid4().hex[:26]}"}}
    if form.get("response_format") == "text":
        return web.Response(text=text)
    if form.get("response_format") == "verbose_json":
        segment = {"id": 0, "start": 0.0, "end": duration, "text": text, "temperature": 0.0}
        body |= {
            "task": "transcribe",
            "language": language or "english",
            "duration": round(duration, 3),
            "segments": [segment] if text else [],
        }
    return web.json_response(body)


def _problem(form: Mapping[str, object]) -> str | None:
    if not isinstance(form.get("file"), web.FileField):
        return "file or url must be provided"
    if not form.get("model"):
        return "model is required"
    if form.get("response_format", "json") not in _FORMATS:
        return f"response_format must be one of {json.dumps(_FORMATS)}"
    return None


def _refused(request: web.Request) -> web.Response | None:
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not key.strip() or key.strip() == WRONG_KEY:
        return refusal(401, "Invalid API Key")
    return None

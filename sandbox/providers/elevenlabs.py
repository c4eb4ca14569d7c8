"""The stand-in for ElevenLabs: its routes over HTTP, its errors, its voices.

Protocol: https://elevenlabs.io/docs/api-reference. The websockets are in `eleven_speech.py`
(text to speech) and `eleven_scribe.py` (speech to text).
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sandbox.providers.ears import Ears
from sandbox.providers.eleven_scribe import ScribeSocket
from sandbox.providers.eleven_speech import SpeechSocket
from sandbox.providers.eleven_voices import VOICES, espeak_voice
from sandbox.providers.faults import Vendor
from sandbox.providers.hearing import transcribe
from sandbox.providers.misbehaviour import broken, meet_handshake, meet_request
from sandbox.providers.mouth import render
from sandbox.providers.pcm import BadAudio, Encoder, Format, decode_file
from sandbox.providers.word_times import spread

WRONG_KEY = "wrong-key"
_CHUNK_SECONDS = 0.1


def refusal(status: int, message: str, code: str = "") -> web.Response:
    codes = {401: "invalid_api_key", 404: "not_found", 429: "rate_limit_exceeded"}
    detail = {"status": code or codes.get(status, "request_failed"), "message": message}
    return web.json_response({"detail": detail}, status=status)


class _SpeechRequest(BaseModel):
    model_config = ConfigDict(extra="allow")

    text: str = Field(min_length=1, max_length=5_000)
    model_id: str = "eleven_multilingual_v2"
    language_code: str | None = None


class ElevenLabs:
    def __init__(self, ears: Ears) -> None:
        self._ears = ears
        self.vendor = Vendor("elevenlabs", ("tts", "realtime", "transcriptions"))

    def routes(self) -> list[web.AbstractRouteDef]:
        speech = "/v1/text-to-speech/{voice}"
        return [
            web.post(speech, self._speak),
            web.post(f"{speech}/stream", self._speak),
            web.get(f"{speech}/multi-stream-input", self._speech_socket),
            web.post("/v1/speech-to-text", self._transcribe),
            web.get("/v1/speech-to-text/realtime", self._scribe_socket),
            web.get("/v1/voices", self._voices),
        ]

    async def _voices(self, request: web.Request) -> web.Response:
        if refused := _refused(request):
            return refused
        voices = [
            {"voice_id": voice_id, "name": espeak, "category": "premade", "labels": {}}
            for voice_id, espeak in VOICES.items()
        ]
        return web.json_response({"voices": voices})

    async def _speak(self, request: web.Request) -> web.StreamResponse:
        received_at = time.time()
        if refused := _refused(request):
            return refused
        try:
            body = _SpeechRequest.model_validate_json(await request.read())
            form = Format.parse(request.query.get("output_format", "mp3_44100_128"))
        except ValidationError as error:
            return _unprocessable(error)
        except BadAudio as error:
            return refusal(400, str(error), "output_format_not_allowed")
        voice = espeak_voice(request.match_info["voice"])
        if voice is None:
            name = request.match_info["voice"]
            return refusal(404, f"A voice with voice_id '{name}' was not found.", "voice_not_found")
        entry = self.vendor.asked(
            "tts", text=body.text, voice=voice, format=form.codec, first_text_at=received_at
        )
        met = await meet_request(self.vendor, "tts", request, refusal)
        if met.answer is not None:
            return met.answer
        if met.fault is not None:
            return await broken(request, met.fault, form.mime_type, start=bytes(2000))
        return await _stream_speech(request, body.text, voice, form, entry)

    async def _transcribe(self, request: web.Request) -> web.StreamResponse:
        received_at = time.time()
        if refused := _refused(request):
            return refused
        try:
            posted = await request.post()
        except (ValueError, AssertionError):
            return refusal(400, "The body is not a valid multipart form.", "invalid_form")
        file = posted.get("file")
        if not posted.get("model_id") or not isinstance(file, web.FileField):
            missing = "file" if posted.get("model_id") else "model_id"
            return _missing("body", missing)
        entry = self.vendor.asked(
            "transcriptions", model=str(posted["model_id"]), received_at=received_at
        )
        met = await meet_request(self.vendor, "transcriptions", request, refusal)
        if met.answer is not None:
            return met.answer
        if met.fault is not None:
            return await broken(request, met.fault, "application/json")
        try:
            samples, rate = decode_file(file.file.read())
        except BadAudio as error:
            return refusal(400, str(error), "invalid_audio")
        language = str(posted.get("language_code", ""))
        heard = await transcribe(self._ears, samples, rate, language)
        text = " ".join(utterance.text for utterance in heard)
        entry |= {"text": text, "answered_at": time.time()}
        entry["hearing"] = [utterance.hearing for utterance in heard]
        words = [
            {"text": word, "start": start, "end": end, "type": "word", "logprob": -0.05}
            for spoken in heard
            for word, start, end in spread(spoken.text, spoken.start, spoken.duration)
        ]
        code = heard[0].language.split("-")[0] if heard else language or "en"
        return web.json_response(
            {"language_code": code, "language_probability": 1.0, "text": text, "words": words}
        )

    async def _speech_socket(self, request: web.Request) -> web.StreamResponse:
        self.vendor.asked(
            "tts", event="opened", voice=request.match_info["voice"], query=dict(request.query)
        )
        if answer := await meet_handshake(self.vendor, "tts", request, refusal):
            return answer
        if request.headers.get("Upgrade", "").lower() != "websocket":
            return refusal(400, "This resource is a websocket.", "websocket_expected")
        return await SpeechSocket(self.vendor, request).run(refused=_refused(request) is not None)

    async def _scribe_socket(self, request: web.Request) -> web.StreamResponse:
        self.vendor.asked("realtime", event="opened", query=dict(request.query))
        if answer := await meet_handshake(self.vendor, "realtime", request, refusal):
            return answer
        if request.headers.get("Upgrade", "").lower() != "websocket":
            return refusal(400, "This resource is a websocket.", "websocket_expected")
        socket = ScribeSocket(self._ears, self.vendor, request)
        return await socket.run(refused=_refused(request) is not None)


async def _stream_speech(
    request: web.Request, text: str, voice: str, form: Format, entry: dict[str, Any]
) -> web.StreamResponse:
    samples = await asyncio.to_thread(render, text, voice, form.rate)
    encoder = Encoder(form)
    response = web.StreamResponse(headers={"Content-Type": form.mime_type})
    await response.prepare(request)
    step = int(form.rate * _CHUNK_SECONDS)
    for at in range(0, samples.size, step):
        await response.write(encoder.encode(samples[at : at + step]))
        entry.setdefault("first_audio_at", time.time())
    await response.write(encoder.finish())
    entry["finished_at"] = time.time()
    await response.write_eof()
    return response


def _refused(request: web.Request) -> web.Response | None:
    key = request.headers.get("xi-api-key", request.query.get("xi-api-key", "")).strip()
    if not key:
        message = "Neither authorization header nor xi-api-key received, please provide one."
        return refusal(401, message, "needs_authorization")
    return refusal(401, "Invalid API key") if key == WRONG_KEY else None


def _missing(*place: str) -> web.Response:
    detail = [{"loc": list(place), "msg": "field required", "type": "value_error.missing"}]
    return web.json_response({"detail": detail}, status=422)


def _unprocessable(error: ValidationError) -> web.Response:
    detail = [
        {"loc": ["body", *found["loc"]], "msg": found["msg"], "type": found["type"]}
        for found in error.errors()
    ]
    return web.json_response({"detail": detail}, status=422)

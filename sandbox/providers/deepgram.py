"""The stand-in for Deepgram: live and prerecorded `/v1/listen`.

Protocol: https://developers.deepgram.com/reference/speech-to-text-api/listen-streaming
"""

from __future__ import annotations

import uuid

from aiohttp import web

from sandbox.providers.deepgram_live import LiveOptions, LiveSocket
from sandbox.providers.deepgram_results import metadata, results
from sandbox.providers.ears import Ears
from sandbox.providers.faults import Vendor
from sandbox.providers.hearing import transcribe
from sandbox.providers.misbehaviour import broken, meet_handshake, meet_request
from sandbox.providers.pcm import BadAudio, decode_file

WRONG_KEY = "wrong-key"


def refusal(status: int, message: str) -> web.Response:
    codes = {401: "INVALID_AUTH", 400: "Bad Request", 404: "Not Found", 413: "PAYLOAD_ERROR"}
    return web.json_response(
        {
            "err_code": codes.get(status, "SERVER_ERROR"),
            "err_msg": message,
            "request_id": str(uuid.uuid4()),
        },
        status=status,
    )


class Deepgram:
    def __init__(self, ears: Ears) -> None:
        self._ears = ears
        self.vendor = Vendor("deepgram", ("listen",))

    def routes(self) -> list[web.AbstractRouteDef]:
        return [web.get("/v1/listen", self._live), web.post("/v1/listen", self._prerecorded)]

    async def _live(self, request: web.Request) -> web.StreamResponse:
        if refused := _refused(request):
            return refused
        try:
            options = LiveOptions(request)
        except ValueError as error:
            return refusal(400, str(error))
        self.vendor.asked("listen", event="opened", query=dict(request.query))
        if answer := await meet_handshake(self.vendor, "listen", request, refusal):
            return answer
        if request.headers.get("Upgrade", "").lower() != "websocket":
            return refusal(400, "This resource is a websocket; POST audio to have it transcribed.")
        return await LiveSocket(self._ears, self.vendor, options, request).run()

    async def _prerecorded(self, request: web.Request) -> web.StreamResponse:
        if refused := _refused(request):
            return refused
        entry = self.vendor.asked("listen", event="prerecorded", query=dict(request.query))
        met = await meet_request(self.vendor, "listen", request, refusal)
        if met.answer is not None:
            return met.answer
        if met.fault is not None:
            return await broken(request, met.fault, "application/json")
        try:
            samples, rate = decode_file(await request.read())
        except BadAudio:
            return refusal(400, "Bad Request: failed to process audio: corrupt or unsupported data")
        heard = await transcribe(self._ears, samples, rate, request.query.get("language", ""))
        entry["text"] = " ".join(utterance.text for utterance in heard)
        entry["hearing"] = [utterance.hearing for utterance in heard]
        merged = results("", 0.0, 0.0, samples.size / rate, is_final=True, speech_final=True)
        alternative = merged["channel"]["alternatives"][0]
        for spoken in heard:
            part = results("", spoken.confidence, spoken.start, spoken.duration, text=spoken.text)[
                "channel"
            ]["alternatives"][0]
            alternative["words"] += part["words"]
            alternative["confidence"] = spoken.confidence
        alternative["transcript"] = entry["text"]
        return web.json_response(
            {
                "metadata": metadata(str(uuid.uuid4()), samples.size / rate),
                "results": {"channels": [{"alternatives": [alternative]}]},
            }
        )


def _refused(request: web.Request) -> web.Response | None:
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() not in ("token", "bearer") or not key.strip() or key.strip() == WRONG_KEY:
        return refusal(401, "Invalid credentials.")
    return None

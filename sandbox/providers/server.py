"""The stand-ins as one aiohttp application. Addresses: docs/interfaces.md."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from sandbox.providers import control, deepgram, elevenlabs, groq, openai
from sandbox.providers.ears import Ears, Phrase
from sandbox.providers.faults import Vendor
from sandbox.providers.lenient import LenientEars
from sandbox.providers.mind import Mind
from sandbox.providers.misbehaviour import Refusal
from sandbox.providers.phrases import PhraseList
from sandbox.providers.scenario import Scenario
from sandbox.providers.settings import Hearing

_MOST_BYTES = 25 * 1024 * 1024  # Groq's and Deepgram's limit for an upload is of this order


async def build(scenario: Scenario, hearing: Hearing = Hearing.STRICT) -> web.Application:
    """The application, with every listed phrase rendered: it is ready when this returns."""
    scripted = [Phrase(text, scenario.language) for e in scenario.exchanges for text in e.heard]
    ears = Ears(deaf=hearing is Hearing.LENIENT)
    await asyncio.to_thread(ears.learn, scripted)
    app = web.Application()
    if hearing is not Hearing.STRICT:
        ears.second = lenient = LenientEars(ears)
        app.on_cleanup.append(_closing(lenient))
    app.router.add_get("/healthz", _healthy)
    app.add_routes(PhraseList(ears, scripted).routes())
    stand_ins = (
        (deepgram.Deepgram(ears), deepgram.refusal),
        (groq.Groq(ears, Mind(scenario)), groq.refusal),
        (openai.OpenAI(ears, Mind(scenario)), openai.refusal),
        (elevenlabs.ElevenLabs(ears), elevenlabs.refusal),
    )
    for stand_in, refusal in stand_ins:
        vendor = stand_in.vendor
        part = web.Application(
            middlewares=[_in_its_own_words(refusal)], client_max_size=_MOST_BYTES
        )
        part.add_routes([*stand_in.routes(), *control.routes(vendor)])
        app.add_subapp(f"/{vendor.name}", part)
        app.on_shutdown.append(_releasing(vendor))
    return app


async def _healthy(_request: web.Request) -> web.Response:
    return web.json_response({"status": "ok"})


def _in_its_own_words(refusal: Refusal) -> Middleware:
    """aiohttp's own 404, 405 and 413, in the vendor's error shape."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except web.HTTPException as error:
            return refusal(error.status, error.reason)

    return middleware


def _closing(ears: LenientEars) -> Callable[[web.Application], Awaitable[None]]:
    async def close(_app: web.Application) -> None:
        await ears.close()

    return close


def _releasing(vendor: Vendor) -> Callable[[web.Application], Awaitable[None]]:
    async def release(_app: web.Application) -> None:
        vendor.hang_up()

    return release

"""`/phrases`: what the ears know, and teaching them more while they run."""

from __future__ import annotations

import asyncio

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sandbox.providers.ears import Ears, Phrase, plain
from sandbox.providers.mouth import UnknownVoice


class _Listed(BaseModel):
    model_config = ConfigDict(extra="forbid")

    text: str = Field(min_length=1, max_length=300)
    language: str = Field(default="en-US", min_length=2, max_length=20)


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid")

    phrases: list[_Listed] = Field(max_length=200)


class PhraseList:
    """Phrases of the scenario stay; those added over HTTP can be taken away again."""

    def __init__(self, ears: Ears, scripted: list[Phrase]) -> None:
        self._ears, self._scripted = ears, scripted

    def routes(self) -> list[web.AbstractRouteDef]:
        return [
            web.get("/phrases", self._list),
            web.post("/phrases", self._add),
            web.delete("/phrases", self._clear),
        ]

    async def _list(self, _request: web.Request) -> web.Response:
        listed = [
            {"text": p.text, "language": p.language, "added": p not in self._scripted}
            for p in self._ears.phrases
        ]
        return web.json_response({"phrases": listed})

    async def _add(self, request: web.Request) -> web.Response:
        try:
            asked = _Request.model_validate_json(await request.read())
            phrases = [Phrase(p.text, p.language) for p in asked.phrases]
            if not all(plain(p.text) for p in phrases):
                raise UnknownVoice("A phrase without a letter cannot be spoken.")
            # Answered when the references exist: a caller may speak the phrase right away.
            await asyncio.to_thread(self._ears.learn, phrases)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(part) for part in first["loc"])
            return web.json_response({"error": f"{place}: {first['msg']}"}, status=422)
        except UnknownVoice as error:
            return web.json_response({"error": str(error)}, status=422)
        return await self._list(request)

    async def _clear(self, request: web.Request) -> web.Response:
        self._ears.forget(p for p in self._ears.phrases if p not in self._scripted)
        return await self._list(request)

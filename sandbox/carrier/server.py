"""The carrier's control pages: faults and log as every stand-in has them, calls and records."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bridge.legs import LegOver
from sandbox.carrier import scenario as scenarios
from sandbox.carrier.carrier import Carrier
from sandbox.carrier.cdr import CallRecord
from sandbox.carrier.scenario import BadScenario, Behaviour, Step, sentence_about
from sandbox.providers.faults import Fault

_PROBLEM = 422


class _Placed(BaseModel):
    """Body of `POST /control/call`."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    to: str
    caller: str = Field("+919812300100", alias="from")
    steps: tuple[Step, ...] = ()
    headers: dict[str, str] = {}
    ringing_timeout: float | None = Field(None, gt=0, le=3600)


class CarrierApi:
    def __init__(self, carrier: Carrier) -> None:
        self._carrier = carrier

    def application(self) -> web.Application:
        app = web.Application(middlewares=[_in_a_sentence])
        app.add_routes(
            [
                web.get("/healthz", self._healthy),
                web.post("/control/fault", self._arm),
                web.get("/control/fault", self._armed),
                web.delete("/control/fault", self._clear),
                web.get("/control/log", self._log),
                web.delete("/control/log", self._forget),
                web.post("/control/call", self._place),
                web.get("/control/calls", self._calls),
                web.get("/control/calls/{id}", self._call),
                web.get("/control/invites", self._invites),
                web.post("/control/calls/{id}/step", self._step),
                web.get("/control/calls/{id}/heard.wav", self._heard),
                web.get("/control/scenario", self._scenario),
                web.put("/control/scenario", self._change_scenario),
            ]
        )
        return app

    async def _healthy(self, _request: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def _arm(self, request: web.Request) -> web.Response:
        self._carrier.arm(Fault.model_validate_json(await request.read()))
        return web.json_response(self._faults(), status=201)

    async def _armed(self, _request: web.Request) -> web.Response:
        return web.json_response(self._faults())

    async def _clear(self, _request: web.Request) -> web.Response:
        self._carrier.clear()
        return web.json_response(self._faults())

    async def _log(self, _request: web.Request) -> web.Response:
        return web.json_response({"log": list(self._carrier.vendor.log)})

    async def _forget(self, _request: web.Request) -> web.Response:
        self._carrier.vendor.log.clear()
        return web.json_response({"log": []})

    async def _place(self, request: web.Request) -> web.Response:
        asked = _Placed.model_validate_json(await request.read())
        try:
            record = await self._carrier.place(
                asked.to,
                asked.caller,
                Behaviour(steps=asked.steps),
                headers=asked.headers or None,
                ringing_timeout=asked.ringing_timeout,
            )
        except OSError as error:
            raise ValueError(f"to: that host cannot be found: {error}.") from None
        return web.json_response(record.document(), status=201)

    async def _calls(self, request: web.Request) -> web.Response:
        ending = request.query.get("to", "")
        found = [each for each in self._carrier.book if each.called.endswith(ending)]
        return web.json_response({"calls": [each.document() for each in found]})

    async def _invites(self, request: web.Request) -> web.Response:
        found = self._carrier.book.invites.to(request.query.get("to", ""))
        return web.json_response({"invites": [each.document() for each in found]})

    async def _call(self, request: web.Request) -> web.Response:
        return web.json_response(self._found(request).document())

    async def _step(self, request: web.Request) -> web.Response:
        record = self._found(request)
        step = Step.model_validate_json(await request.read())
        phone = self._carrier.phones.get(record.id)
        if phone is None or phone.leg.state != "answered":
            return _problem(409, "The call is not answered, or is over.")
        try:
            await phone.do(step)
        except LegOver:
            return _problem(409, "The call ended meanwhile.")
        return web.json_response(record.document())

    async def _heard(self, request: web.Request) -> web.StreamResponse:
        record = self._found(request)
        if record.heard is None:
            return _problem(409, "The call is not over, or nothing was to be heard.")
        return web.FileResponse(Path(record.heard["file"]), headers={"Content-Type": "audio/wav"})

    async def _scenario(self, _request: web.Request) -> web.Response:
        return web.json_response(
            self._carrier.scenario.model_dump(mode="json", exclude_defaults=True)
        )

    async def _change_scenario(self, request: web.Request) -> web.Response:
        try:
            self._carrier.scenario = scenarios.parse((await request.read()).decode())
        except (BadScenario, UnicodeDecodeError) as error:
            return _problem(_PROBLEM, str(error))
        return await self._scenario(request)

    def _found(self, request: web.Request) -> CallRecord:
        record = self._carrier.book.find(request.match_info["id"])
        if record is None:
            raise web.HTTPNotFound(reason="No such call is remembered.")
        return record

    def _faults(self) -> dict[str, Any]:
        vendor = self._carrier.vendor
        return {
            "operations": list(vendor.operations),
            "faults": [fault.model_dump() for fault in vendor.faults],
        }


@web.middleware
async def _in_a_sentence(request: web.Request, handler: Any) -> web.StreamResponse:
    try:
        answer: web.StreamResponse = await handler(request)
        return answer
    except ValidationError as error:
        return _problem(_PROBLEM, sentence_about(error))
    except ValueError as error:
        return _problem(_PROBLEM, str(error))
    except web.HTTPException as error:
        return _problem(error.status, error.reason)


def _problem(status: int, sentence: str) -> web.Response:
    return web.json_response({"error": sentence}, status=status)

"""`/{vendor}/control/fault` and `/{vendor}/control/log`: telling a stand-in to misbehave."""

from __future__ import annotations

from aiohttp import web
from pydantic import ValidationError

from sandbox.providers.faults import Fault, Vendor


def routes(vendor: Vendor) -> list[web.AbstractRouteDef]:
    async def arm(request: web.Request) -> web.Response:
        try:
            fault = Fault.model_validate_json(await request.read())
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(part) for part in first["loc"])
            return web.json_response({"error": f"{place}: {first['msg']}"}, status=422)
        if fault.operation is not None and fault.operation not in vendor.operations:
            known = ", ".join(vendor.operations)
            return web.json_response({"error": f"operation: one of {known}"}, status=422)
        vendor.arm(fault)
        return web.json_response(_faults(vendor), status=201)

    async def armed(_request: web.Request) -> web.Response:
        return web.json_response(_faults(vendor))

    async def clear(_request: web.Request) -> web.Response:
        vendor.clear()
        return web.json_response(_faults(vendor))

    async def log(_request: web.Request) -> web.Response:
        return web.json_response({"log": list(vendor.log)})

    async def forget(_request: web.Request) -> web.Response:
        vendor.log.clear()
        return web.json_response({"log": []})

    return [
        web.post("/control/fault", arm),
        web.get("/control/fault", armed),
        web.delete("/control/fault", clear),
        web.get("/control/log", log),
        web.delete("/control/log", forget),
    ]


def _faults(vendor: Vendor) -> dict[str, object]:
    return {
        "operations": list(vendor.operations),
        "faults": [fault.model_dump() for fault in vendor.faults],
    }

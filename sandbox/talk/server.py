"""The page, the phrases that one can say, and a fresh call for whoever opened it without one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
from aiohttp import web
from aiohttp.typedefs import Handler

from sandbox.talk.settings import TalkSettings

PAGE = Path(__file__).parent / "page"
_HEADERS = {
    # Everything comes from here but the call itself, whose address is in the link.
    "Content-Security-Policy": "default-src 'self'; connect-src 'self' ws: wss: http: https:; "
    "img-src 'self' data:; media-src 'self' blob: mediastream:; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",
}
_HTTP = web.AppKey("http", aiohttp.ClientSession)
_SETTINGS = web.AppKey("settings", TalkSettings)


def build(settings: TalkSettings) -> web.Application:
    app = web.Application(middlewares=[_only_for_this_machine], client_max_size=4096)
    app[_SETTINGS] = settings
    app.cleanup_ctx.append(_http)
    app.on_response_prepare.append(_guard)
    app.add_routes(
        [
            web.get("/healthz", _healthy),
            web.get("/", _to_the_page),
            web.get("/talk", _page),
            web.get("/phrases", _phrases),
            web.post("/calls", _place_call),
            web.static("/page", PAGE),
        ]
    )
    return app


async def _http(app: web.Application) -> AsyncIterator[None]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as http:
        app[_HTTP] = http
        yield


async def _guard(_request: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(_HEADERS)


@web.middleware
async def _only_for_this_machine(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Another site in the same browser must not place calls, under whatever name it finds us."""
    port = request.app[_SETTINGS].talk_port
    ours = (f"127.0.0.1:{port}", f"localhost:{port}")
    if request.host not in ours:
        raise web.HTTPForbidden(text="This page is for the machine that it runs on.")
    origin = request.headers.get("Origin", "")
    if origin and origin not in {f"http://{host}" for host in ours}:
        raise web.HTTPForbidden(text="This is not for other sites.")
    return await handler(request)


async def _healthy(_request: web.Request) -> web.Response:
    return web.json_response({"status": "ok"})


async def _to_the_page(_request: web.Request) -> web.Response:
    raise web.HTTPFound("/talk")


async def _page(_request: web.Request) -> web.FileResponse:
    return web.FileResponse(PAGE / "index.html")


async def _phrases(request: web.Request) -> web.Response:
    """From here, as the stand-ins answer no page of another origin."""
    url = request.app[_SETTINGS].phrases_url
    if not url:
        return web.json_response({"phrases": []})
    try:
        async with request.app[_HTTP].get(url) as answer:
            return web.json_response(await answer.json(), status=answer.status)
    except (aiohttp.ClientError, TimeoutError, ValueError):
        return web.json_response({"error": "The stand-ins do not answer."}, status=502)


async def _place_call(request: web.Request) -> web.Response:
    settings = request.app[_SETTINGS]
    if not settings.api_url or request.content_type != "application/json":
        raise web.HTTPNotFound(text="This page places no calls: open a link with a token.")
    try:
        async with request.app[_HTTP].post(
            f"{settings.api_url}/web_call/get_token",
            headers={"Authorization": f"Bearer {settings.api_key}"},
            json={"assistant_id": settings.assistant_id},
        ) as answer:
            return web.json_response(await answer.json(), status=answer.status)
    except (aiohttp.ClientError, TimeoutError, ValueError):
        problem = {"detail": "Switchboard's API does not answer."}
        return web.json_response(problem, status=502)

"""A bridge that stays: carriers find it, and a trunk is tried before calls depend on it."""

from __future__ import annotations

import asyncio
import signal
from contextlib import AsyncExitStack

import structlog

from bridge.legs import Bridge, BridgeOptions, Leg, LegEnded, LegEvent
from bridge.settings import BridgeSettings
from engine.http_pages import ProcessPages

log = structlog.get_logger()

# What a caller is told while nobody here takes calls.
_NOBODY = 480


async def serve(settings: BridgeSettings, *, echo: bool) -> None:
    """Until SIGTERM or SIGINT. OPTIONS is answered; calls hear themselves (`echo`), else 480.

    Raises ValueError for an address or port that cannot be used.
    """
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    bridge = Bridge(BridgeOptions.of(settings))
    answering: set[asyncio.Task[None]] = set()

    def take(leg: Leg) -> None:
        leg.on_event = _tell
        if not echo:
            leg.reject(_NOBODY, reason="nobody-answers", detail="Calls are not taken here yet.")
            return
        leg.on_frame = leg.play
        leg.ring()
        task = asyncio.create_task(leg.accept())
        answering.add(task)
        task.add_done_callback(answering.discard)

    bridge.on_incoming = take
    async with AsyncExitStack() as stack:
        try:
            await bridge.start()
        except OSError as trouble:
            places = ", ".join(map(str, bridge.options.listen))
            raise ValueError(f"{places} cannot be used: {trouble.strerror}.") from None
        stack.push_async_callback(bridge.aclose)
        await _serve_pages(stack, settings)
        log.info("bridge_started", listening=[str(place) for place in bridge.listening], echo=echo)
        await stop.wait()
        log.info("bridge_stopping", legs=len(bridge.legs))


async def _serve_pages(stack: AsyncExitStack, settings: BridgeSettings) -> None:
    """Only while SIP is heard, so whoever is answered sees a bridge that is there."""
    if settings.bridge_http_port is None:
        return
    pages = ProcessPages({})
    try:
        await stack.enter_async_context(
            pages.serve(settings.bridge_http_host, settings.bridge_http_port)
        )
    except OSError as error:
        raise ValueError(f"BRIDGE_HTTP_PORT cannot be used: {error.strerror}.") from None


def _tell(event: LegEvent) -> None:
    """No number: what is logged is kept."""
    if isinstance(event, LegEnded):
        end = event.end
        log.info(
            "leg_ended",
            reason=end.reason,
            by=end.by,
            sip_status=end.sip_status,
            talk_seconds=round(end.talk_seconds, 1),
        )

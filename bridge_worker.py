"""The bridge process: dials phone calls and carries them, until SIGTERM.

Its legs are its own and outlive the activities that began them: that Temporal is away for a while
ends no call. A leg that was cut off from its workflow ends by itself (`bridge.room`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import timedelta

import structlog
import uvloop
from livekit import api
from temporalio.client import Client
from temporalio.worker import Worker

from activities.call_log import CallLog
from activities.dialling_desk import DiallingDesk
from activities.fact_teller import FactTeller
from activities.outside import Needed
from activities.phone_legs import MakeTeller, PhoneLegActivities
from activities.settings import BridgeWorkerSettings, RealTimePriority
from activities.worker_process import run_worker, serve_pages
from bridge.legs import Bridge, BridgeOptions, Leg
from bridge.room import LiveKitAccess, RoomLegOptions, RoomLegs, Teller
from bridge.rtp.collecting import collect_rarely
from bridge.rtp.priority import PriorityRefused, take_real_time_priority
from contract.errors import SettingsError
from engine.call_signals import CallSignals
from engine.client import connect
from engine.http_pages import ProcessPages, free_local_address
from engine.leaving import asked_to_stop
from engine.runtime import use_our_runtime
from engine.sealing import Sealing
from store.database import Database

# An activity learns of its cancellation by its heartbeats, which the SDK would else hold back for
# half a minute: so long an unwanted phone would ring on.
_HEARD_AFTER = timedelta(seconds=1)
# Once the legs are over, dialling has its results; telling Temporal takes a moment.
_RESULTS_TAKE = timedelta(seconds=2)
# How their legs ended is told for seconds, not for as long as a process that stays would.
_LAST_WORDS_TAKE = 3.0

log = structlog.get_logger()


async def run(settings: BridgeWorkerSettings) -> None:
    _take_priority(settings.bridge_real_time_priority)  # before there is a second thread
    metrics_address = free_local_address() if settings.bridge_http_port else None
    use_our_runtime(metrics_address)
    async with AsyncExitStack() as stack:
        database = Database(settings.database_url)
        stack.push_async_callback(database.aclose)
        await database.migrate()
        client = await connect(settings)
        keys = (settings.livekit_url, settings.livekit_api_key, settings.livekit_api_secret)
        livekit = api.LiveKitAPI(*keys)
        stack.push_async_callback(livekit.aclose)
        access = LiveKitAccess(*keys)
        stack.push_async_callback(access.aclose)
        bridge = await _start_bridge(stack, settings)
        legs = RoomLegs(bridge, access, RoomLegOptions.of(settings))
        dialling = PhoneLegActivities(
            DiallingDesk(database, Sealing(settings.keys) if settings.keys else None),
            legs,
            _tellers(settings, client),
        )
        worker = Worker(
            client,
            task_queue=settings.bridge_task_queue,
            activities=[dialling.dial_phone],
            max_concurrent_activities=settings.bridge_max_calls,
            default_heartbeat_throttle_interval=_HEARD_AFTER,
            max_heartbeat_throttle_interval=_HEARD_AFTER,
            graceful_shutdown_timeout=_grace(settings),
            interceptors=[CallLog()],
        )
        collect_rarely()
        async with AsyncExitStack() as pages:
            working = asyncio.create_task(worker.run())
            await _serve_pages(
                pages,
                settings,
                Needed(temporal=client, database=database, livekit=livekit),
                metrics_address,
            )
            log.info("bridge_started", listening=[str(place) for place in bridge.listening])
            await _until_asked_to_stop(working)
            log.info("bridge_stopping", legs=len(legs.legs))
            # Polling ends at once; what is being dialled is decided, or cut short by the drain.
            await asyncio.gather(worker.shutdown(), _drain(legs, settings))
            await working


def _take_priority(wanted: RealTimePriority) -> None:
    if wanted is RealTimePriority.OFF:
        return
    try:
        take_real_time_priority()
    except PriorityRefused as refused:
        if wanted is RealTimePriority.ON:
            raise SettingsError(f"BRIDGE_REAL_TIME_PRIORITY is on. {refused}") from None
        log.info("bridge_at_ordinary_priority", why=str(refused))


async def _drain(legs: RoomLegs, settings: BridgeWorkerSettings) -> None:
    draining = asyncio.create_task(legs.drain(settings.bridge_call_drain_seconds))
    legs_take = settings.bridge_call_drain_seconds + settings.bridge_drain_seconds
    _, unfinished = await asyncio.wait((draining,), timeout=legs_take + _LAST_WORDS_TAKE)
    if unfinished:
        log.warning("bridge_leaves_ends_untold")  # Temporal is away


async def _until_asked_to_stop(working: asyncio.Task[None]) -> None:
    """Or until the worker gives up, whose error is then raised."""
    asked = asyncio.create_task(asked_to_stop())
    await asyncio.wait((asked, working), return_when=asyncio.FIRST_COMPLETED)
    asked.cancel()
    if working.done():
        await working


async def _start_bridge(stack: AsyncExitStack, settings: BridgeWorkerSettings) -> Bridge:
    bridge = Bridge(BridgeOptions.of(settings))
    bridge.on_incoming = _refuse
    try:
        await bridge.start()
    except OSError as trouble:
        places = ", ".join(map(str, bridge.options.listen))
        raise SettingsError(f"{places} cannot be used: {trouble.strerror}.") from None
    stack.push_async_callback(bridge.aclose)
    return bridge


def _refuse(leg: Leg) -> None:
    leg.reject(480, reason="nobody-answers", detail="Calls are not taken here yet.")


def _tellers(settings: BridgeWorkerSettings, client: Client) -> MakeTeller:
    def teller_of(call_id: str, on_over: Callable[[], None]) -> Teller:
        return FactTeller(CallSignals(settings, call_id, on_over, client=client).deliver)

    return teller_of


def _grace(settings: BridgeWorkerSettings) -> timedelta:
    legs_take = settings.bridge_call_drain_seconds + settings.bridge_drain_seconds
    return timedelta(seconds=legs_take) + _RESULTS_TAKE


async def _serve_pages(
    stack: AsyncExitStack,
    settings: BridgeWorkerSettings,
    needed: Needed,
    metrics_address: str | None,
) -> None:
    if settings.bridge_http_port is not None:
        pages = ProcessPages(needed.checks, temporal_metrics=metrics_address)
        host, port = settings.bridge_http_host, settings.bridge_http_port
        await serve_pages(stack, pages, host, port, "BRIDGE_HTTP_PORT")


def main() -> int:
    return run_worker("bridge", BridgeWorkerSettings, run, uvloop.run)

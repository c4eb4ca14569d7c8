"""The agent server that LiveKit knows as `atlas`."""

from __future__ import annotations

import logging
import os

# Imported here so that idle job processes have it before a call comes.
import temporalio.contrib.pydantic  # noqa: F401
from livekit.agents import AgentServer, JobContext, JobProcess
from livekit.agents.tokenize import basic

from agents.atlas.call import AtlasCall
from agents.atlas.settings import AtlasSettings
from agents.job import NotACall, accept_calls, job_of
from agents.probe import ProbeAnswers
from agents.serving import (
    LIVEKITS_PAGE_HOST,
    LIVEKITS_PAGE_PORT,
    WARM_UP_SECONDS,
    load_function,
)
from contract.identity import AgentRole
from engine.runtime import use_our_runtime
from engine.startup import load

log = logging.getLogger(__name__)

SESSION_END_SECONDS = 4.0
_CALL = "call"


# Built at its first use, in the middle of the first sentence, if not here.
basic.hyphenate_word("rehearsal")


def prepare(process: JobProcess) -> None:
    """In each idle job process, before a call comes. Nothing is connected here."""
    use_our_runtime()  # threads: they would not survive the fork
    process.userdata["settings"] = process.userdata["engine"] = load(AtlasSettings)


async def enter_call(ctx: JobContext) -> None:
    known = ctx.proc.userdata
    call = AtlasCall(ctx, job_of(ctx, AgentRole.ATLAS), known["settings"], known["engine"])
    known[_CALL] = call
    try:
        await call.start()
    except NotACall as nobody:
        log.warning("leaving a room that is not a call's", extra={"error": str(nobody)})
        ctx.shutdown("not a call")


async def leave_call(ctx: JobContext) -> None:
    call: AtlasCall | None = ctx.proc.userdata.pop(_CALL, None)
    if call is not None:
        await call.aclose()


def make_server(settings: AtlasSettings) -> AgentServer:
    idle = settings.atlas_idle_processes
    server = AgentServer(
        ws_url=settings.livekit_url,
        api_key=settings.livekit_api_key,
        api_secret=settings.livekit_api_secret,
        load_threshold=settings.atlas_load_threshold,
        load_fnc=load_function(settings.atlas_load_threshold),
        num_idle_processes=(os.cpu_count() or 1) if idle is None else idle,
        max_retry=settings.atlas_max_retry,
        host=LIVEKITS_PAGE_HOST,
        port=LIVEKITS_PAGE_PORT,
        prometheus_port=settings.atlas_prometheus_port,
        session_end_timeout=SESSION_END_SECONDS,
        setup_fnc=prepare,
        initialize_process_timeout=WARM_UP_SECONDS,
        preload_modules=[__name__],
    )
    server.rtc_session(
        enter_call,
        agent_name=AgentRole.ATLAS.value,
        on_request=accept_calls(AgentRole.ATLAS, ProbeAnswers(settings, settings.providers())),
        on_session_end=leave_call,
    )
    return server

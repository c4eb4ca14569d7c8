"""The agent server that LiveKit knows as `media-bot`."""

from __future__ import annotations

import functools
import logging
from typing import TYPE_CHECKING

from livekit.agents import AgentServer, JobContext, JobProcess

from agents.job import NotACall, accept_calls, job_of
from agents.media_bot.settings import MediaBotSettings
from agents.probe import ProbeAnswers
from agents.serving import (
    LIVEKITS_PAGE_HOST,
    LIVEKITS_PAGE_PORT,
    WARM_UP_SECONDS,
    load_function,
)
from contract.identity import AgentRole
from engine.startup import load

if TYPE_CHECKING:
    from agents.media_bot.call import MediaBotCall

log = logging.getLogger(__name__)

SESSION_END_SECONDS = 4.0
_CALL = "call"
# What job processes find imported, see agents/forking.py.
IN_JOBS = (__name__, "agents.media_bot.warm")


@functools.cache
def settings_of_jobs() -> MediaBotSettings:
    """Read once, in the process that jobs are forked from: to read them takes 2 MiB."""
    return load(MediaBotSettings)


def prepare(process: JobProcess) -> None:
    """In each idle job process, before a call comes. Nothing is connected here."""
    from engine.runtime import use_our_runtime

    use_our_runtime()  # threads: they would not survive the fork
    process.userdata["settings"] = settings_of_jobs()


async def enter_call(ctx: JobContext) -> None:
    from agents.media_bot.call import MediaBotCall  # agents.media_bot.warm has imported it

    call = MediaBotCall(ctx, job_of(ctx, AgentRole.MEDIA_BOT), ctx.proc.userdata["settings"])
    ctx.proc.userdata[_CALL] = call
    try:
        await call.start()
    except NotACall as nobody:
        log.warning("leaving a room that is not a call's", extra={"error": str(nobody)})
        ctx.shutdown("not a call")


async def leave_call(ctx: JobContext) -> None:
    call: MediaBotCall | None = ctx.proc.userdata.pop(_CALL, None)
    if call is not None:
        await call.aclose()


def make_server(settings: MediaBotSettings) -> AgentServer:
    server = AgentServer(
        ws_url=settings.livekit_url,
        api_key=settings.livekit_api_key,
        api_secret=settings.livekit_api_secret,
        load_threshold=settings.media_bot_load_threshold,
        load_fnc=load_function(settings.media_bot_load_threshold),
        num_idle_processes=settings.media_bot_num_idle_processes,
        max_retry=settings.media_bot_max_retry,
        host=LIVEKITS_PAGE_HOST,
        port=LIVEKITS_PAGE_PORT,
        prometheus_port=settings.media_bot_prometheus_port,
        session_end_timeout=SESSION_END_SECONDS,
        setup_fnc=prepare,
        initialize_process_timeout=WARM_UP_SECONDS,
        preload_modules=list(IN_JOBS),
    )
    server.rtc_session(
        enter_call,
        agent_name=AgentRole.MEDIA_BOT.value,
        on_request=accept_calls(AgentRole.MEDIA_BOT, ProbeAnswers(settings)),
        on_session_end=leave_call,
    )
    return server

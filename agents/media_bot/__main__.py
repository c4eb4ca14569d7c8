from __future__ import annotations

import asyncio
import logging
import os

# Media Bot lives in 512 MiB: no local speech models. Before livekit is imported. The development
# switch would lead to LiveKit Cloud's inference.
os.environ["LIVEKIT_AGENTS_PRELOAD_LOCAL_INFERENCE"] = "0"
os.environ.pop("LIVEKIT_DEV_MODE", None)
# NumPy's linear algebra, which nobody asks here, would start a thread: agents.forking wants none.
os.environ["OPENBLAS_NUM_THREADS"] = "1"

from agents.media_bot.settings import MediaBotSettings
from engine.logs import set_up_logs
from engine.startup import load, tell_misspelt

log = logging.getLogger(__name__)


def main() -> int:
    settings = load(MediaBotSettings)
    # After the settings: a wrong one is told at once, livekit takes seconds to import.
    from agents.forking import fork_jobs_from_here
    from agents.media_bot.server import IN_JOBS, make_server
    from agents.serving import serve

    one_copy = fork_jobs_from_here(
        IN_JOBS,
        {
            "LIVEKIT_URL": settings.livekit_url,
            "LIVEKIT_API_KEY": settings.livekit_api_key,
            "LIVEKIT_API_SECRET": settings.livekit_api_secret,
        },
    )
    set_up_logs("media-bot", settings.log_level, settings.log_format)
    tell_misspelt(MediaBotSettings)
    if not one_copy:
        log.warning("threads before the fork: job processes take 80 MiB more together")

    return asyncio.run(
        serve(
            make_server(settings),
            health_port=settings.media_bot_health_port,
            drain_seconds=settings.agent_drain_seconds,
            close_seconds=settings.agent_close_seconds,
        )
    )


if __name__ == "__main__":
    raise SystemExit(main())

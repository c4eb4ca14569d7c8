from __future__ import annotations

import asyncio
import os

# Media Bot lives in 512 MiB: no local speech models. Before livekit is imported, and inherited by
# its forkserver. The development switch would lead to LiveKit Cloud's inference.
os.environ["LIVEKIT_AGENTS_PRELOAD_LOCAL_INFERENCE"] = "0"
os.environ.pop("LIVEKIT_DEV_MODE", None)
# A job process has a score of threads, and each would get a heap of its own from the C library.
os.environ.setdefault("MALLOC_ARENA_MAX", "2")

from agents.media_bot.settings import MediaBotSettings
from engine.logs import set_up_logs
from engine.startup import load, tell_misspelt


def main() -> int:
    settings = load(MediaBotSettings)
    set_up_logs("media-bot", settings.log_level, settings.log_format)
    tell_misspelt(MediaBotSettings)
    # After the settings: a wrong one is told at once, livekit takes seconds to import.
    from agents.media_bot.server import make_server
    from agents.serving import serve

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

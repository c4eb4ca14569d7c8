from __future__ import annotations

import asyncio
import os

# Before livekit is imported: the development switch would lead to LiveKit Cloud's inference.
os.environ.pop("LIVEKIT_DEV_MODE", None)

from agents.atlas.settings import AtlasSettings
from engine.logs import set_up_logs
from engine.startup import load, tell_misspelt


def main() -> int:
    settings = load(AtlasSettings)
    set_up_logs("atlas", settings.log_level, settings.log_format)
    tell_misspelt(AtlasSettings)
    # After the settings: a wrong one is told at once, livekit takes seconds to import.
    from agents.atlas.server import make_server
    from agents.serving import serve

    return asyncio.run(
        serve(
            make_server(settings),
            health_port=settings.atlas_health_port,
            drain_seconds=settings.agent_drain_seconds,
            close_seconds=settings.agent_close_seconds,
        )
    )


if __name__ == "__main__":
    raise SystemExit(main())

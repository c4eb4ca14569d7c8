"""`python -m api`: serve until SIGTERM."""

from __future__ import annotations

import signal
import sys

import uvicorn

from api.settings import ApiSettings
from engine.logs import set_up_logs
from engine.startup import load

_GRACE_SECONDS = 5  # of the 10 s that a process has to end; SSE streams are cut after it


def main() -> int:
    settings = load(ApiSettings)
    # Only now: it takes a second or two, and a wrong setting is told at once.
    from api.app import build_app

    set_up_logs("api", settings.log_level, settings.log_format)
    config = uvicorn.Config(
        build_app(settings),
        host=settings.api_host,
        port=settings.api_port,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=_GRACE_SECONDS,
        server_header=False,
    )
    server = uvicorn.Server(config)
    # uvicorn ends gracefully and then raises the signal again; asked to end is not a failure.
    signal.signal(signal.SIGTERM, lambda *_: None)
    server.run()
    return 0 if server.started else 1


if __name__ == "__main__":
    sys.exit(main())

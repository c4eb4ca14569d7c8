"""`python -m api`: serve until SIGTERM."""

from __future__ import annotations

import signal

from api.settings import ApiSettings
from engine.leaving import leave
from engine.logs import set_up_logs
from engine.startup import load, tell_misspelt


def main() -> int:
    settings = load(ApiSettings)
    # Only now: it takes a second or two, and a wrong setting is told at once.
    from api.server import server_of
    from engine.runtime import use_our_runtime

    set_up_logs("api", settings.log_level, settings.log_format)
    tell_misspelt(ApiSettings)
    use_our_runtime()
    server = server_of(settings)
    # uvicorn ends gracefully and then raises the signal again; asked to end is not a failure.
    signal.signal(signal.SIGTERM, lambda *_: None)
    server.run()
    return 0 if server.started else 1


if __name__ == "__main__":
    leave(main())

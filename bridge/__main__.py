"""`python -m bridge`."""

from __future__ import annotations

import io
import sys


def main() -> None:
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # where the locale has no arrows
    try:
        from bridge.console.app import app

        app(prog_name="python -m bridge")
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()

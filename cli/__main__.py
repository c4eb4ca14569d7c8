"""`python -m cli`, which ./switchboard runs."""

from __future__ import annotations

import io
import sys


def main() -> None:
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # In a locale without UTF-8 a sign becomes \u201c, which JSON reads as itself.
            stream.reconfigure(errors="backslashreplace")
    try:
        from cli.app import app

        app(prog_name="switchboard")
    except KeyboardInterrupt:  # before a command could take it
        sys.exit(130)


if __name__ == "__main__":
    main()

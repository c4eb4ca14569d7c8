"""`python -m cli`, which ./switchboard runs."""

from __future__ import annotations

import sys


def main() -> None:
    try:
        from cli.app import app

        app(prog_name="switchboard")
    except KeyboardInterrupt:  # before a command could take it
        sys.exit(130)


if __name__ == "__main__":
    main()

"""`python healthcheck.py URL`: does it answer 2xx? For images that have no curl."""

from __future__ import annotations

import sys
import urllib.error
import urllib.request


def main(url: str) -> int:
    # A proxy meant for the outside world must not be asked about ourselves.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=4):
            return 0
    except (urllib.error.URLError, OSError) as error:
        print(f"{url}: {error}")
        return 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1]))

"""`python -m api.openapi` writes `openapi.json` anew."""

from __future__ import annotations

import json
from pathlib import Path

from api.app import build_app
from api.settings import ApiSettings

_FILE = Path(__file__).parents[1] / "openapi.json"


def main() -> None:
    # The document does not depend on any of these.
    unused = "unused, but long enough"
    settings = ApiSettings(
        temporal_address=unused,
        payload_encryption=False,
        livekit_url="ws://unused",
        livekit_api_key=unused,
        livekit_api_secret=unused,
        database_url="sqlite+aiosqlite://",
        call_token_secret=unused,
        s3_endpoint="http://unused",
        s3_bucket=unused,
        s3_access_key_id=unused,
        s3_secret_access_key=unused,
    )
    _FILE.write_text(json.dumps(build_app(settings).openapi(), indent=2) + "\n")


if __name__ == "__main__":
    main()

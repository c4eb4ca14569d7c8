from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from api.app import build_app
from api.settings import ApiSettings
from engine.startup import sentence_about
from tests.api.service import settings_for

ROOT = Path(__file__).parents[2]


def test_openapi_json_is_what_the_api_serves(tmp_path: Path) -> None:
    """Write it anew with `python -m api.openapi`."""
    served = build_app(settings_for(tmp_path)).openapi()
    assert json.loads((ROOT / "openapi.json").read_text()) == served


def start(environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "api"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        timeout=30,
    )


WHOLE = {
    "TEMPORAL_ADDRESS": "127.0.0.1:1",
    "LIVEKIT_URL": "ws://127.0.0.1:1",
    "LIVEKIT_API_KEY": "key",
    "LIVEKIT_API_SECRET": "hidden-secret-value",
    "DATABASE_URL": "sqlite+aiosqlite:////nowhere/x.db",
    "CALL_TOKEN_SECRET": "hidden-secret-value",
    "S3_ENDPOINT": "http://127.0.0.1:1",
    "PAYLOAD_ENCRYPTION": "off",
    "S3_BUCKET": "recordings",
    "S3_ACCESS_KEY_ID": "id",
    "S3_SECRET_ACCESS_KEY": "hidden-secret-value",
}


def test_a_missing_setting_is_one_sentence_and_exit_code_2() -> None:
    ended = start({name: value for name, value in WHOLE.items() if name != "DATABASE_URL"})
    assert (ended.returncode, ended.stderr) == (2, "Cannot start: DATABASE_URL is missing.\n")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "mysql://user:hidden-secret-value@host/x"),
        ("LIVEKIT_URL", "localhost"),
        ("PAYLOAD_KEYS", "dev:hidden-secret-value"),
        ("API_PORT", "http"),
        ("START_TIMEOUT_SECONDS", "0"),
    ],
)
def test_a_malformed_setting_is_named_without_its_value(name: str, value: str) -> None:
    environment = {key.lower(): kept for key, kept in (WHOLE | {name: value}).items()}
    with pytest.raises(ValidationError) as refused:
        ApiSettings(**environment)
    sentence = sentence_about(refused.value)
    assert name in sentence
    assert "hidden-secret-value" not in sentence

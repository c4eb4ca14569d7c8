from __future__ import annotations

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow  # starts processes

GIVEN = {
    "LIVEKIT_URL": "ws://127.0.0.1:9",
    "LIVEKIT_API_KEY": "key",
    "LIVEKIT_API_SECRET": "hush-hush",
    "INTERNAL_API_URL": "http://127.0.0.1:9",
    "COMPASS_URL": "http://127.0.0.1:9",
    "TEMPORAL_ADDRESS": "127.0.0.1:9",
    "PAYLOAD_KEYS": "dev:" + "A" * 43 + "=",
    "DEEPGRAM_API_KEY": "hush-hush",
    "GROQ_API_KEY": "hush-hush",
    "ELEVENLABS_API_KEY": "hush-hush",
}


def start(module: str, settings: dict[str, str]) -> subprocess.CompletedProcess[str]:
    here = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run(
        [sys.executable, "-m", module],
        env=here | settings,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )


@pytest.mark.parametrize(
    ("module", "wrong", "names"),
    [
        ("agents.atlas", {"LIVEKIT_URL": "http://here"}, "LIVEKIT_URL"),
        ("agents.atlas", {"GROQ_API_KEY": None}, "GROQ_API_KEY"),
        ("agents.atlas", {"PAYLOAD_KEYS": None}, "PAYLOAD_KEYS"),
        ("agents.atlas", {"ATLAS_LOAD_THRESHOLD": "hush-hush"}, "ATLAS_LOAD_THRESHOLD"),
        ("agents.media_bot", {"TEMPORAL_ADDRESS": None}, "TEMPORAL_ADDRESS"),
        ("agents.media_bot", {"MEDIA_BOT_HEALTH_PORT": "99999"}, "MEDIA_BOT_HEALTH_PORT"),
        *(
            ("agents.media_bot", {name: None}, name)
            for name in (
                *("LIVEKIT_URL", "LIVEKIT_API_KEY", "LIVEKIT_API_SECRET"),
                *("GROQ_API_KEY", "DEEPGRAM_API_KEY", "ELEVENLABS_API_KEY"),
            )
        ),
        ("agents.media_bot", {"STT_PROVIDER": "hush-hush"}, "STT_PROVIDER"),
        ("agents.media_bot", {"LOG_LEVEL": "hush-hush"}, "LOG_LEVEL"),
    ],
)
def test_a_wrong_setting_is_named_in_one_sentence(
    module: str, wrong: dict[str, str | None], names: str
) -> None:
    settings = {k: v for k, v in (GIVEN | wrong).items() if v is not None}
    ended = start(module, settings)
    assert ended.returncode == 2
    assert names in ended.stderr
    assert len(ended.stderr.strip().splitlines()) == 1
    assert "hush" not in ended.stderr

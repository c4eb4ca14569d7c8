"""docker-compose.temporal.yml as Docker Compose understands it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import yaml

CHECKOUT = Path(__file__).parents[2]
FILE = CHECKOUT / "docker-compose.temporal.yml"
PROFILES = ("operators", "telephony")

OURS = {
    "api": "api",
    "codec": "api",
    "worker": "worker",
    "atlas": "atlas",
    "media-bot": "media-bot",
    "bridge": "bridge",
}
"""A service of the file, and the process (docs/settings.md) that it runs."""

# What an operator has to say; all else has a default or is a secret.
OPERATORS_WORDS = {
    "PUBLIC_IP": "203.0.113.7",
    "PUBLIC_API_URL": "https://api.example.com",
    "LIVEKIT_PUBLIC_URL": "wss://livekit.example.com",
    "S3_PUBLIC_URL": "https://s3.example.com",
}


def compose(
    *words: str, environment: dict[str, str] | None = None, file: Path = FILE
) -> subprocess.CompletedProcess[str]:
    """Runs Debian's docker-compose (no engine is needed to check a file).

    `environment` is all that it is told: not also by the `.env` of somebody who deploys from here.
    """
    program = shutil.which("docker-compose")
    assert program, "docker-compose is missing: `make system-packages` installs it."
    settings = OPERATORS_WORDS if environment is None else environment
    with NamedTemporaryFile(prefix="no-settings-", suffix=".env") as nothing:
        return subprocess.run(
            [program, "--file", str(file), "--env-file", nothing.name, *words],
            cwd=file.parent,
            env={"PATH": os.environ["PATH"], **settings},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )


def resolved(*profiles: str, environment: dict[str, str] | None = None) -> dict[str, Any]:
    """The whole file with all variables filled in and paths made absolute."""
    chosen = [f"--profile={profile}" for profile in profiles]
    answer = compose(*chosen, "config", environment=environment)
    assert answer.returncode == 0, answer.stderr
    config: dict[str, Any] = yaml.safe_load(answer.stdout)
    return config


def services(*profiles: str, environment: dict[str, str] | None = None) -> dict[str, Any]:
    """Every service that starts with these profiles, with all variables filled in."""
    config = resolved(*profiles, environment=environment)
    # `config` prints every service; Compose itself leaves out those of other profiles.
    return {
        name: service
        for name, service in config["services"].items()
        if set(service.get("profiles", profiles)) & set(profiles) or "profiles" not in service
    }


@cache
def everything() -> dict[str, Any]:
    return services(*PROFILES)


def document() -> dict[str, Any]:
    """The file itself, before Compose fills in anything."""
    read: dict[str, Any] = yaml.safe_load(FILE.read_text())
    return read


def environment_of(service: dict[str, Any]) -> dict[str, Any]:
    return dict(service.get("environment", {}))


def stop_grace_seconds(service: dict[str, Any]) -> int:
    written = re.fullmatch(r"(?:(\d+)m)?(?:(\d+)s)?", service["stop_grace_period"])
    assert written, service["stop_grace_period"]
    return int(written[1] or 0) * 60 + int(written[2] or 0)

"""Settings of `python -m sandbox.providers`, from the environment."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings

from sandbox.providers.scenario import DEMO


class Hearing(StrEnum):
    """Whom the stand-ins understand: scripted callers, people, or people where callers are not."""

    STRICT = "strict"
    LENIENT = "lenient"
    BOTH = "both"


class ProvidersSettings(BaseSettings):
    """`PROVIDERS_PORT` has no default: who starts the stack chooses the ports."""

    providers_port: int = Field(ge=1, le=65535)
    scenario_file: Path = DEMO
    hearing: Hearing = Hearing.STRICT

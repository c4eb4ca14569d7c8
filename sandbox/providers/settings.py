"""Settings of `python -m sandbox.providers`, from the environment."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from pydantic import Field

from engine.settings import ProcessSettings
from sandbox.providers.scenario import DEMO


class Hearing(StrEnum):
    """Whom the stand-ins understand: scripted callers, people, or people where callers are not."""

    STRICT = "strict"
    LENIENT = "lenient"
    BOTH = "both"


class ProvidersSettings(ProcessSettings):
    """`PROVIDERS_PORT` has no default: who starts the stack chooses the ports."""

    providers_port: int = Field(ge=1, le=65535, description="Port of all stand-ins.")
    scenario_file: Path = Field(
        DEMO, description="What may be said and what is answered (docs/sandbox_providers.md)."
    )
    hearing: Hearing = Field(
        Hearing.STRICT, description="`strict` hears scripted callers, `lenient` people."
    )

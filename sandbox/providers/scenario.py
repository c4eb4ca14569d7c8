"""Scenario files: what callers may say, and what the assistant's mind answers.

YAML, checked on reading; every mistake is one sentence with the place of it. The format is in
docs/sandbox_providers.md.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

import yaml  # type: ignore[import-untyped,unused-ignore]
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

DEMO = Path(__file__).parent / "scenarios" / "demo.yaml"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ToolUse(_Part):
    """A tool that the assistant calls if the request offers it, and what it says afterwards."""

    name: str = Field(min_length=1)
    arguments: dict[str, Any] = {}
    after: str = ""  # {field} is filled from the tool's JSON answer, {result} is all of it
    after_failure: str = "I am sorry, that did not work."


class Exchange(_Part):
    """The caller says one of `heard`; the assistant calls the tool, or else says `say`."""

    heard: list[str] = Field(min_length=1)
    say: str = ""
    call: ToolUse | None = None

    @model_validator(mode="after")
    def _answers(self) -> Self:
        if not self.say:
            raise ValueError("an exchange needs `say`, also for when its tool is not offered")
        return self


class Scenario(_Part):
    name: str
    language: str = "en-US"
    opening: str
    default: str  # for text that no exchange knows
    unprompted: str  # asked to speak although the caller said nothing new
    first_token_seconds: float = Field(default=0.02, ge=0, le=30)
    token_seconds: float = Field(default=0.004, ge=0, le=5)
    exchanges: list[Exchange] = Field(min_length=1)


class BadScenario(ValueError):
    """The scenario file cannot be used. The message is one sentence."""


def load(path: Path) -> Scenario:
    """Read and check a scenario file. Raises BadScenario."""
    try:
        return Scenario.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except OSError as error:
        reason = error.strerror or type(error).__name__
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the file"
        reason = f"{place}: {first['msg']}"
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())
    raise BadScenario(f"SCENARIO_FILE {path} cannot be used: {reason}.")

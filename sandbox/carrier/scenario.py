"""What the phone does, by the number that was dialled: YAML, checked on reading.

Every mistake is one sentence with the place of it. The format is in docs/sandbox_carrier.md.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

import yaml  # type: ignore[import-untyped,unused-ignore]
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from bridge.legs import HoldKind, Target

NUMBERS = Path(__file__).parent / "scenarios" / "numbers.yaml"

_PRESSES = ("resume", "hang_up")  # steps that need no value


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Step(_Part):
    """One thing that the phone does in an answered call: exactly one of these."""

    say: str | None = Field(None, min_length=1, max_length=2000)
    tone: float | None = Field(None, ge=50, le=3400)  # Hz, for a second
    listen: float | None = Field(None, ge=0, le=3600)  # seconds, as all below
    silence: float | None = Field(None, ge=0, le=3600)  # no RTP at all
    hear: float | None = Field(None, gt=0, le=10)  # until the other side spoke, then was quiet
    hold: HoldKind | None = None
    resume: bool | None = None
    flap: int | None = Field(None, ge=1, le=200)  # hold, resume, hold ... a quarter second each
    dtmf: str | None = Field(None, pattern=r"^[0-9*#A-Dw]{1,40}$")
    transfer: str | None = None
    hang_up: bool | None = None

    @model_validator(mode="before")
    @classmethod
    def _press(cls, value: Any) -> Any:
        return {value: True} if value in _PRESSES else value

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if len(self.model_dump(exclude_none=True)) != 1:
            known = ", ".join(type(self).model_fields)
            raise ValueError(f"a step is exactly one of {known}")
        return self

    @field_validator("transfer")
    @classmethod
    def _target(cls, target: str | None) -> str | None:
        if target is not None:
            Target.parse(target)
        return target

    def __str__(self) -> str:
        return " ".join(
            f"{name} {value}" for name, value in self.model_dump(exclude_none=True).items()
        )


class Behaviour(_Part):
    """A call's course as the phone has it. After its steps it listens until the other side ends."""

    ring: float = Field(0.3, ge=0, le=3600)  # seconds before it does anything else
    answers: bool = True
    crossing: bool = False  # answers in the moment when the caller's CANCEL arrives, not before
    refuse: int | None = Field(None, ge=300, le=699)  # with this status, in place of an answer
    reason: str | None = None  # value of a Reason header (RFC 3326) in the refusal
    announce: str | None = Field(
        None, min_length=1, max_length=2000
    )  # said before the answer (183)
    refer: int = Field(200, ge=200, le=699)
    """What becomes of it when the bridge hands the phone on: reported so; 603: refused at once."""
    steps: tuple[Step, ...] = ()

    @model_validator(mode="after")
    def _no_steps_without_a_call(self) -> Self:
        if self.steps and (self.refuse is not None or not self.answers):
            raise ValueError("a call that is not answered has no steps")
        if self.crossing and (self.refuse is not None or not self.answers or self.announce):
            raise ValueError("`crossing` is an answer of its own kind, without announcement")
        if self.refuse is None and self.reason is not None:
            raise ValueError("`reason` goes with `refuse`")
        return self


class Scenario(_Part):
    name: str
    numbers: dict[str, Behaviour]  # by the number's last digits
    others: Behaviour = Behaviour()

    @field_validator("numbers", mode="before")
    @classmethod
    def _digits(cls, numbers: Any) -> Any:
        if isinstance(numbers, dict):
            for key in numbers:
                if not (isinstance(key, str) and key.isascii() and key.isdigit()):
                    raise ValueError(f'{key!r} is not written as digits in quotes ("0142")')
        return numbers

    def of(self, number: str) -> tuple[str, Behaviour]:
        """The longest ending that fits, and what the phone does then.

        Else the last three digits are the refusal, if they are a SIP status from 400 on.
        """
        fitting = [ending for ending in self.numbers if number.endswith(ending)]
        if fitting:
            best = max(fitting, key=len)
            return best, self.numbers[best]
        status = number[-3:]
        if len(status) == 3 and status.isascii() and status.isdigit() and "400" <= status <= "699":
            return status, Behaviour(refuse=int(status))
        return "", self.others


class BadScenario(ValueError):
    """The scenario cannot be used. The message is one sentence."""


def load(path: Path) -> Scenario:
    """Raises BadScenario."""
    try:
        return parse(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no UTF-8 text"
    except BadScenario as error:
        reason = str(error).rstrip(".")
    raise BadScenario(f"CARRIER_SCENARIO {path} cannot be used: {reason}.")


def parse(text: str) -> Scenario:
    """Raises BadScenario."""
    try:
        return Scenario.model_validate(yaml.safe_load(text))
    except ValidationError as error:
        raise BadScenario(sentence_about(error)) from None
    except yaml.YAMLError as error:
        raise BadScenario(" ".join(str(error).split()) + ".") from None


def sentence_about(error: ValidationError) -> str:
    """The first mistake, with its place."""
    first = error.errors(include_url=False)[0]
    place = ".".join(str(part) for part in first["loc"]) or "the scenario"
    return f"{place}: {first['msg'].removeprefix('Value error, ')}."

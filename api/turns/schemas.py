from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, StringConstraints, model_validator

from api.fields import Language, Moment, Strict

# Further humans have no other name here: an identity may be a phone number.
Speaker = Annotated[str, StringConstraints(pattern=r"^(caller|assistant|human(-[0-9]{1,9})?)$")]


class TurnTold(Strict):
    source: str = Field(
        min_length=1, max_length=32, description="Who tells it.", examples=["atlas-1"]
    )
    source_seq: int = Field(ge=1, le=2**31 - 1, description="Counted from 1 by the teller.")
    speaker: Speaker = Field(
        description="`caller`, `assistant`, or a further human: `human-2`.", examples=["caller"]
    )
    text: str = Field(max_length=16_000, examples=["A table for two, please."])
    language: Language | None = None
    start: Moment = Field(examples=["2026-11-21T12:00:00.000+00:00"])
    end: Moment = Field(examples=["2026-11-21T12:00:01.500+00:00"])
    sentiment: dict[str, Any] | None = Field(
        None, description="VADER's four scores, of English.", examples=[{"compound": 0.44}]
    )
    reason: str | None = Field(
        None, max_length=200, description="Why there is no sentiment, if it was looked for."
    )

    @model_validator(mode="after")
    def _has_a_reason_or_none(self) -> TurnTold:
        if self.sentiment is not None and self.reason is not None:
            raise ValueError("a turn with a sentiment has no reason for having none")
        return self


class TurnsTold(Strict):
    turns: list[TurnTold] = Field(max_length=100)

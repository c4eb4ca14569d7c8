from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from api.fields import Language, Moment, Strict


class TurnTold(Strict):
    source: str = Field(
        min_length=1, max_length=32, description="Who tells it.", examples=["atlas-1"]
    )
    source_seq: int = Field(ge=1, le=2**31 - 1, description="Counted from 1 by the teller.")
    speaker: Literal["caller", "assistant"]
    text: str = Field(max_length=16_000, examples=["A table for two, please."])
    language: Language | None = None
    start: Moment = Field(examples=["2026-11-21T12:00:00.000+00:00"])
    end: Moment = Field(examples=["2026-11-21T12:00:01.500+00:00"])
    sentiment: dict[str, Any] | None = None


class TurnsTold(Strict):
    turns: list[TurnTold] = Field(max_length=100)

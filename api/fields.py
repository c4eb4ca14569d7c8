"""Field types that several resources share."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
)


class Strict(BaseModel):
    """A body in which nothing unknown is passed over."""

    model_config = ConfigDict(extra="forbid")


# RFC 5646 section 2.1: language, script, region, variants. Private use and extensions left out.
Language = Annotated[
    str,
    StringConstraints(
        max_length=35,
        pattern=r"^[A-Za-z]{2,3}(-[A-Za-z]{4})?(-([A-Za-z]{2}|[0-9]{3}))?"
        r"(-([A-Za-z0-9]{5,8}|[0-9][A-Za-z0-9]{3}))*$",
    ),
    Field(description="A BCP-47 language tag.", examples=["en-US"]),
]

AssistantId = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$"),
    Field(description="An assistant's id: a slug.", examples=["demo"]),
]

TrunkId = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$"),
    Field(description="A trunk's id: a slug.", examples=["mumbai"]),
]


def _is_written_out(value: object) -> object:
    # Pydantic also takes seconds since 1970, which the documented format does not.
    if isinstance(value, datetime) or (isinstance(value, str) and value[4:5] == "-"):
        return value
    raise ValueError("must be a moment as in RFC 3339: 2026-11-21T12:00:00Z")


def _is_of_our_time(moment: datetime) -> datetime:
    # Others overflow in another time zone, or in a database.
    if not 1970 <= moment.year <= 2200:
        raise ValueError("must lie between the years 1970 and 2200")
    return moment.astimezone(UTC)


Moment = Annotated[AwareDatetime, BeforeValidator(_is_written_out), AfterValidator(_is_of_our_time)]

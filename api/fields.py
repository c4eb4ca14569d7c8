"""Field types that several resources share."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import cache
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationInfo,
    field_validator,
)
from pydantic_core import PydanticCustomError


class Strict(BaseModel):
    """A body in which nothing unknown is passed over, and nothing is taken for something else:
    `0` is no `false`, `"5"` no number (Pydantic's own strict mode would refuse JSON's dates)."""

    model_config = ConfigDict(extra="forbid")

    @field_validator("*", mode="before")
    @classmethod
    def _is_of_its_json_type(cls, value: object, info: ValidationInfo) -> object:
        annotation: Any = cls.model_fields[str(info.field_name)].annotation
        kinds = _kinds_of(annotation)
        if kinds and kinds <= {int, float} and isinstance(value, str | bool):
            raise PydanticCustomError("number_type", "must be a JSON number")
        if kinds == {bool} and not isinstance(value, bool | None):
            raise PydanticCustomError("bool_type", "must be true or false")
        return value


@cache
def _kinds_of(annotation: Any) -> frozenset[type]:
    """The plain types that a field may have; empty when it has others."""
    if isinstance(annotation, type) and not get_origin(annotation):
        return frozenset({annotation} - {type(None)})
    if get_origin(annotation) is Annotated:
        return _kinds_of(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return frozenset().union(*map(_kinds_of, get_args(annotation)))
    return frozenset({object})


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


def _is_an_asset_address(text: str) -> str:
    try:
        parts = urlsplit(text)
        is_whole = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        is_whole = False
    plain = text.isascii() and text.isprintable() and not set(text) & set(' \\"<>^`{|}')
    if not is_whole or not plain:
        raise ValueError("must be the whole address of a file, https://…")
    if parts.username is not None or parts.password is not None:
        raise ValueError("must have no user and no password in it")
    return text


AssetUrl = Annotated[
    str,
    Field(
        max_length=2048,
        description="An MP3, WAV, OGG or FLAC file that Media Bot loads: https and public, or of a "
        "host that the operator allows. What else is wrong with it is told in the timeline.",
        examples=["https://assets.example/music.mp3"],
    ),
    AfterValidator(_is_an_asset_address),
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


_MAX_METADATA_BYTES = 4096


def _is_small(metadata: dict[str, Any]) -> dict[str, Any]:
    if len(json.dumps(metadata)) > _MAX_METADATA_BYTES:
        raise ValueError("metadata is larger than 4 KiB of JSON")
    return metadata


Metadata = Annotated[dict[str, Any], AfterValidator(_is_small)]

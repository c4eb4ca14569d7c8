"""Field types that several resources share."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

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

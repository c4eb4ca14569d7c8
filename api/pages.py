"""Lists by cursor."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query
from pydantic import Field

Limit = Annotated[int, Query(ge=1, le=200, description="Items on a page.")]
Cursor = Annotated[
    str | None, Query(max_length=200, description="`next_cursor` of the page before.")
]
NextCursor = Annotated[
    str | None, Field(description="Send it as `cursor` for the page after this one.")
]

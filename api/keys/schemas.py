from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator

from api.fields import Moment, Strict
from api.pages import NextCursor
from store.api_keys import Role

_LONGEST = timedelta(days=3653)


class KeyCreate(Strict):
    name: Annotated[str, StringConstraints(min_length=1, max_length=64)] = Field(
        description="Who or what uses it; stands on the timeline of calls it hangs up.",
        examples=["booking service"],
    )
    role: Role = Field(
        description="`admin` may all, `operator` starts and ends calls, `auditor` reads.",
        examples=["operator"],
    )
    expires_at: Moment | None = Field(
        None, description="From then on it opens nothing; at most ten years ahead."
    )

    @field_validator("expires_at")
    @classmethod
    def _lies_ahead(cls, moment: datetime | None) -> datetime | None:
        now = datetime.now(UTC)
        if moment is not None and moment <= now:
            raise ValueError("lies in the past")
        if moment is not None and moment > now + _LONGEST:
            raise ValueError("is more than ten years ahead; leave it out for a key without an end")
        return moment


class KeyRead(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: str = Field(examples=["key_5b2f9d1c3e7a8064"])
    name: str
    role: Role
    prefix: str = Field(
        description="How the key begins; empty for one that was made elsewhere.",
        examples=["sk_sb_x7Kq2M"],
    )
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None


class KeyCreated(KeyRead):
    key: str = Field(description="Shown this once.", examples=["sk_sb_x7Kq2M…"])


class KeyList(BaseModel):
    items: list[KeyRead]
    next_cursor: NextCursor

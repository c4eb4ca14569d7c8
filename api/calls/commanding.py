"""Commands to a call: under an Idempotency-Key one key is one update of a workflow."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

from fastapi import Depends, Response
from pydantic import BaseModel

from api.auth import Operator
from api.calls.service import CallInPath
from api.idempotency import IdempotencyKey
from api.links import CallLinks, call_links
from api.parts import FromParts
from api.temporal_errors import CallEnded
from api.work_per_key import WorkPerKey
from contract.calls import CallStatus

T = TypeVar("T")

# As keys were kept before there were other commands.
_OPERATIONS = {"hangup": "hang-up"}


class Commanding:
    """What every command needs to know: who commands, which call, under which key."""

    def __init__(
        self,
        principal: Operator,  # first: who may not, is not told which calls there are
        call: CallInPath,
        parts: FromParts,
        response: Response,
        idempotency_key: IdempotencyKey = None,
    ) -> None:
        self.principal = principal
        self.call = call
        self.parts = parts
        self._response = response
        self._key = idempotency_key

    @property
    def links(self) -> CallLinks:
        return call_links(self.parts.settings, self.call.call_id, self.call.room_name)

    async def once(
        self,
        update: str,
        body: BaseModel | None,
        kind: type[T],
        do: Callable[[str | None], Awaitable[T]],
    ) -> T:
        """For a call that lasts. `do` gets the update's id, which all repeats share. Raises
        CallEnded, and as WorkPerKey.once does."""
        if self._key is None and self.call.status == CallStatus.ENDED:
            raise CallEnded
        return await self.once_even_later(update, body, kind, do)

    async def once_even_later(
        self,
        update: str,
        body: BaseModel | None,
        kind: type[T],
        do: Callable[[str | None], Awaitable[T]],
    ) -> T:
        """The same for what may be commanded when the call is over, too."""
        if self._key is None:
            return await do(None)
        work = WorkPerKey(
            parts=self.parts,
            response=self._response,
            tenant_id=self.principal.tenant_id,
            key=self._key,
            operation=f"{_OPERATIONS.get(update, update)} {self.call.call_id}",
            body=body,
            about=self.call.call_id,
        )
        return await work.once(kind, lambda text: do(f"{update}-{text}"))


Commands = Annotated[Commanding, Depends()]

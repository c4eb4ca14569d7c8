"""Commands to a call: under an Idempotency-Key one key is one update of the call's workflow."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Response
from pydantic import BaseModel, TypeAdapter

from api.auth import Operator
from api.calls.service import CallInPath
from api.idempotency import REPLAYED, Asked, IdempotencyKey, asked
from api.links import CallLinks, call_links
from api.parts import FromParts, Parts
from api.temporal_errors import CallEnded
from contract.calls import CallStatus
from contract.errors import PlatformError, Unavailable
from store.idempotency import Claim, IdempotencyKeys

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
        """`do` gets the update's id, which all repeats share. A repeat of what was answered gets
        that answer.

        Raises IdempotencyKeyReused, CallEnded, and what `do` raises. A refusal frees the key unless
        another request with it succeeds. After Unavailable nobody knows, so the key stays with its
        body: whoever repeats it waits on for the same update.
        """
        if self._key is None:
            if self.call.status == CallStatus.ENDED:
                raise CallEnded
            return await do(None)
        operation = f"{_OPERATIONS.get(update, update)} {self.call.call_id}"
        secret = self.parts.settings.call_token_secret
        request = asked(secret, self.principal.tenant_id, self._key, operation, body)
        claim = await _claim(self.parts, request, self.call.call_id)
        answers = TypeAdapter(kind)
        if not claim.is_first:
            self._response.headers[REPLAYED] = "true"
        if claim.answer is not None:
            return answers.validate_python(claim.answer)
        try:
            answer = await do(_update_id(update, self._key, claim.attempt))
        except Unavailable:
            raise
        except PlatformError:
            await _release(self.parts, request, claim)
            raise
        await _keep(self.parts, request, answers.dump_python(answer, mode="json"))
        return answer


Commands = Annotated[Commanding, Depends()]


def _update_id(update: str, key: str, attempt: int) -> str:
    """One for all repeats. Another one after a refusal, which Temporal may have kept under the
    first."""
    digest = hashlib.sha256(key.encode()).hexdigest()[:32]
    return f"{update}-{digest}" if attempt == 1 else f"{update}-{digest}-{attempt}"


async def _claim(parts: Parts, request: Asked, call_id: str) -> Claim:
    assert request.key is not None
    async with parts.database.session() as session:
        return await IdempotencyKeys(session).claim(
            request.tenant_id, request.key, request.fingerprint, request.operation, about=call_id
        )


async def _release(parts: Parts, request: Asked, claim: Claim) -> None:
    assert request.key is not None
    async with parts.database.session() as session:
        await IdempotencyKeys(session).release(request.tenant_id, request.key, claim.attempt)


async def _keep(parts: Parts, request: Asked, answer: dict[str, Any]) -> None:
    assert request.key is not None
    async with parts.database.session() as session:
        await IdempotencyKeys(session).settle_with(
            request.tenant_id, request.key, request.fingerprint, answer
        )

"""Work that no one transaction holds, done once for each `Idempotency-Key`."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from fastapi import Response
from pydantic import BaseModel, TypeAdapter

from api.idempotency import REPLAYED, Asked, asked
from api.parts import Parts
from contract.errors import PlatformError, Unavailable
from store.idempotency import Claim, IdempotencyKeys

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkPerKey:
    """`about`: the call that is worked on, if it is one."""

    parts: Parts
    response: Response
    tenant_id: str
    key: str
    operation: str
    body: BaseModel | None
    about: str | None = None

    async def once(self, kind: type[T], do: Callable[[str], Awaitable[T]]) -> T:
        """`do` gets a text that all repeats share. A repeat of what was answered gets that answer.

        Raises IdempotencyKeyReused, and what `do` raises. A refusal frees the key unless another
        request with it succeeds. After Unavailable nobody knows, so the key stays with its body:
        whoever repeats it waits on for the same work.
        """
        secret = self.parts.settings.call_token_secret
        request = asked(secret, self.tenant_id, self.key, self.operation, self.body)
        claim = await self._claim(request)
        answers = TypeAdapter(kind)
        if not claim.is_first:
            self.response.headers[REPLAYED] = "true"
        if claim.answer is not None:
            return answers.validate_python(claim.answer)
        try:
            answer = await do(_shared_text(self.key, claim.attempt))
        except Unavailable:
            raise
        except PlatformError:
            await self._release(claim)
            raise
        await self._keep(request, answers.dump_python(answer, mode="json"))
        return answer

    async def _claim(self, request: Asked) -> Claim:
        async with self.parts.database.session() as session:
            return await IdempotencyKeys(session).claim(
                self.tenant_id, self.key, request.fingerprint, request.operation, about=self.about
            )

    async def _release(self, claim: Claim) -> None:
        async with self.parts.database.session() as session:
            await IdempotencyKeys(session).release(self.tenant_id, self.key, claim.attempt)

    async def _keep(self, request: Asked, answer: dict[str, Any]) -> None:
        async with self.parts.database.session() as session:
            await IdempotencyKeys(session).settle_with(
                self.tenant_id, self.key, request.fingerprint, answer
            )


def _shared_text(key: str, attempt: int) -> str:
    """Another one after a refusal, which Temporal may have kept under the first."""
    digest = hashlib.sha256(key.encode()).hexdigest()[:32]
    return digest if attempt == 1 else f"{digest}-{attempt}"

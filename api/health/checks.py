"""Does each part that we need answer? Asked side by side, each with its own patience."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Literal
from urllib.parse import quote

from livekit import api as livekit_api
from pydantic import BaseModel, Field

from api.health.bridge_look import look_for_bridge
from api.installation.worker_probe import PATIENCE as WORKER_PATIENCE
from api.installation.worker_probe import probe_worker
from api.parts import Parts

_PATIENCE = 2.0
# Its own patience must end first, since it knows what to say then; container checks wait for 4 s.
_PATIENCE_WITH_WORKER = WORKER_PATIENCE + 0.5
# Temporal's server sets the attribute after five failed workflow tasks in a row and takes it away
# with the first that succeeds.
STUCK = 'ExecutionStatus="Running" AND TemporalReportedProblems IS NOT NULL'

Status = Literal["ready", "degraded", "not ready"]


class PartState(BaseModel):
    ok: bool
    needed: bool = Field(
        True, description="Without it the answer is 503; without the others it is `degraded`."
    )
    detail: str = Field("", description="Why not, without addresses or secrets.")
    without_it: str = Field("", description="What does not work meanwhile.")
    link: str | None = Field(None, description="Where to look further.")


class Trouble(Exception):
    """A part answers, and what it says is not well."""

    def __init__(self, sentence: str, link: str | None = None) -> None:
        super().__init__(sentence)
        self.link = link


async def check_all(parts: Parts) -> dict[str, PartState]:
    checks: dict[str, tuple[Callable[[], Awaitable[None]], bool, str]] = {
        "temporal": (parts.workflows.ping, True, "No call can start, none can be ended from here."),
        "livekit": (lambda: _livekit(parts), True, "No call can start, running ones are silent."),
        "database": (parts.database.ping, True, "Nothing can be read, no call can start."),
        "object_store": (
            lambda: asyncio.to_thread(parts.object_store.check),
            True,
            "Calls go on; recordings wait, and links to them do not open.",
        ),
        "worker": (lambda: _worker(parts), False, "No call can start; running ones wait for it."),
        "bridge": (
            lambda: _bridge(parts),
            False,
            "No call over a trunk of kind bridge can be made; web calls go on.",
        ),
        "workflow_tasks": (
            lambda: _workflow_tasks(parts),
            False,
            "The calls in question stand still until a worker has code that can go on.",
        ),
    }
    patience = {"worker": _PATIENCE_WITH_WORKER}
    states = await asyncio.gather(
        *(_state(*check, patience.get(name, _PATIENCE)) for name, check in checks.items())
    )
    return dict(zip(checks, states, strict=True))


def status_of(states: dict[str, PartState]) -> Status:
    away = [state for state in states.values() if not state.ok]
    if any(state.needed for state in away):
        return "not ready"
    return "degraded" if away else "ready"


async def _state(
    check: Callable[[], Awaitable[None]], needed: bool, without_it: str, patience: float
) -> PartState:
    try:
        async with asyncio.timeout(patience):
            await check()
    except TimeoutError:
        detail, link = f"no answer within {patience:g} s", None
    except Trouble as trouble:
        detail, link = str(trouble), trouble.link
    except Exception as error:  # whatever it is, the part cannot be used
        detail, link = type(error).__name__, None
    else:
        return PartState(ok=True, needed=needed)
    return PartState(ok=False, needed=needed, detail=detail, without_it=without_it, link=link)


async def _livekit(parts: Parts) -> None:
    """Also shows whether LiveKit takes our key. Nobody names a room like this."""
    await parts.livekit.room.list_rooms(livekit_api.ListRoomsRequest(names=["readyz"]))


async def _worker(parts: Parts) -> None:
    answer = await probe_worker(parts)
    if not answer.ok:
        raise Trouble(answer.detail)


async def _bridge(parts: Parts) -> None:
    if (detail := await look_for_bridge(parts)) is not None:
        raise Trouble(detail)


async def _workflow_tasks(parts: Parts) -> None:
    """Workflows whose code fails again and again: they stand still, and nothing else shows it."""
    found = await parts.temporal.count_workflows(STUCK, rpc_timeout=timedelta(seconds=_PATIENCE))
    if found.count:
        settings = parts.settings
        raise Trouble(
            f"{found.count} workflows cannot go on: their workflow tasks fail again and again. "
            "Look at their pending workflow task, mend the code, and start workers that have it.",
            f"{settings.temporal_ui_url}/namespaces/{settings.temporal_namespace}/workflows"
            f"?query={quote(STUCK)}"
            if settings.temporal_ui_url
            else None,
        )

"""Finds calls and recordings whose workflow was cut off: terminated, timed out, failed.

Temporal's list of workflows (visibility) runs a moment behind, so it only says whom to ask about;
`describe` has the last word, and whoever it knows nothing of is left alone: the row may be another
namespace's. Only a row that shows no trace of a workflow is one whose workflow never started.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import structlog
from temporalio import activity
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from activities.left_behind import Story, read_story
from contract.calls import CallRequest, CallStatus, Direction, Provider
from contract.endings import CallEnding, EndedBy, EndedReason
from contract.identity import CALL_PREFIX, RECORDING_PREFIX, recording_workflow_id
from contract.janitor import NOT_CUT_OFF_ERROR, CallLeft, CallToFinish, CutOff, LeftBehind
from contract.recordings import RecordingRequest
from contract.steps import Step
from store.calls import Calls
from store.database import Database
from store.models import CallRow
from store.unfinished import Unfinished, UnfinishedCall

# The API may be about to start it, or to take its row back (api/call_starts.py).
_YOUNG = timedelta(minutes=1)
# Who was cut off longer ago was found by an earlier look, unless no worker ran for so long.
_LOOKS_BACK = timedelta(days=1)
_PAGE = 500
# More are left to the next rounds.
_IN_ONE_ROUND = 50
_AT_ONCE = 8
_CUT_OFF = {
    WorkflowExecutionStatus.TERMINATED: CutOff.TERMINATED,
    WorkflowExecutionStatus.TIMED_OUT: CutOff.TIMED_OUT,
    WorkflowExecutionStatus.FAILED: CutOff.FAILED,
    WorkflowExecutionStatus.CANCELED: CutOff.CANCELLED,
    WorkflowExecutionStatus.COMPLETED: CutOff.COMPLETED,
}
_RUNNING = "WorkflowType = 'CallWorkflow' AND ExecutionStatus = 'Running'"
_CLOSED_BADLY = (
    "WorkflowType IN ('CallWorkflow', 'RecordingWorkflow')"
    " AND ExecutionStatus IN ('Terminated', 'TimedOut', 'Failed', 'Canceled')"
    " AND CloseTime > '{since}'"
)

log = structlog.get_logger()


class JanitorActivities:
    def __init__(self, database: Database, temporal: Client) -> None:
        self._database = database
        self._temporal = temporal

    @activity.defn(name=Step.LOOK_FOR_WHAT_IS_LEFT)
    async def look_for_what_is_left(self) -> LeftBehind:
        """Raises RPCError when Temporal does not answer: then nobody is known to be cut off."""
        cut_off = await self._ids(_CLOSED_BADLY.format(since=_since(_LOOKS_BACK)))
        calls = {one for one in cut_off if one.startswith(CALL_PREFIX)}
        recordings = {CALL_PREFIX + one.removeprefix(RECORDING_PREFIX) for one in cut_off - calls}
        suspects = await self._unfinished(calls)
        suspects |= {call.call_id: call for call in await self._open_without_workflow()}
        found = await self._confirmed(suspects.values())
        return LeftBehind(
            calls=tuple(
                CallToFinish(
                    call_id=call.call_id, tenant_id=call.tenant_id, assistant_id=call.assistant_id
                )
                for call in found
            ),
            recordings=tuple(await self._recordings(recordings)),
        )

    @activity.defn(name=Step.READ_WHAT_IS_LEFT)
    async def read_what_is_left(self, call_id: str) -> CallLeft:
        """Raises ApplicationError NOT_CUT_OFF_ERROR for a call that is nobody's to finish."""
        async with self._database.reader() as session:
            row = await Calls(session).get(call_id)
            if row is None:
                raise _not_cut_off("The call was withdrawn.")
            among = await Unfinished(session).among([call_id])
            spoke_at = await Unfinished(session).last_turn_of_human(call_id)
        if not among:
            raise _not_cut_off("The call is finished.")
        how = await self._how(among[0])
        if how is None:
            raise _not_cut_off("The call's workflow runs, or is not known here.")
        story = Story()
        if how is not CutOff.NEVER_STARTED:
            story = await read_story(self._temporal, call_id)
        log.info("call_cut_off", how=how.value)
        return _call_left(row, how, story, spoke_at)

    async def _open_without_workflow(self) -> list[UnfinishedCall]:
        """Open rows whose workflow is not in the list of those that run, oldest first."""
        found: list[UnfinishedCall] = []
        page = await self._open_calls(None)
        running = await self._ids(_RUNNING) if page else set()
        while page and len(found) < _IN_ONE_ROUND:
            found += [call for call in page if call.call_id not in running]
            page = await self._open_calls(page[-1]) if len(page) == _PAGE else []
        return found

    async def _open_calls(self, after: UnfinishedCall | None) -> list[UnfinishedCall]:
        async with self._database.reader() as session:
            return await Unfinished(session).open_calls(after, _PAGE)

    async def _unfinished(self, call_ids: Collection[str]) -> dict[str, UnfinishedCall]:
        found: dict[str, UnfinishedCall] = {}
        for some in _pieces(call_ids):
            async with self._database.reader() as session:
                among = await Unfinished(session).among(some)
            found |= {call.call_id: call for call in among}
        return found

    async def _confirmed(self, suspects: Iterable[UnfinishedCall]) -> list[UnfinishedCall]:
        """Those that `describe` says are cut off, and that are unfinished still after it said so:
        a call may have come to its own end between the store's word and Temporal's."""
        oldest = sorted(suspects, key=lambda call: (call.started_at, call.call_id))
        confirmed: list[UnfinishedCall] = []
        for some in (oldest[n : n + _AT_ONCE] for n in range(0, len(oldest), _AT_ONCE)):
            hows = await asyncio.gather(*(self._how(call) for call in some))
            confirmed += [call for call, how in zip(some, hows, strict=True) if how is not None]
            if len(confirmed) >= _IN_ONE_ROUND:
                break
        still = await self._unfinished([call.call_id for call in confirmed])
        return [call for call in confirmed if call.call_id in still][:_IN_ONE_ROUND]

    async def _how(self, call: UnfinishedCall) -> CutOff | None:
        """None: its workflow runs, or Temporal does not know it and it may be somebody else's."""
        try:
            described = await self._temporal.get_workflow_handle(call.call_id).describe()
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            is_young = datetime.now(UTC) - call.started_at < _YOUNG
            return CutOff.NEVER_STARTED if call.left_no_trace and not is_young else None
        return _CUT_OFF.get(described.status) if described.status is not None else None

    async def _recordings(self, call_ids: Collection[str]) -> list[RecordingRequest]:
        found: list[RecordingRequest] = []
        for some in _pieces(call_ids):
            async with self._database.reader() as session:
                found += await Unfinished(session).recordings_among(some)
        left = [one for one in found if await self._is_cut_off(recording_workflow_id(one.call_id))]
        return left[:_IN_ONE_ROUND]

    async def _is_cut_off(self, workflow_id: str) -> bool:
        """Of one that the list has as closed: it may have been started anew since."""
        with suppress(RPCError):
            status = (await self._temporal.get_workflow_handle(workflow_id).describe()).status
            return status in _CUT_OFF
        return False

    async def _ids(self, query: str) -> set[str]:
        return {one.id async for one in self._temporal.list_workflows(query)}


def _call_left(row: CallRow, how: CutOff, story: Story, spoke_at: datetime | None) -> CallLeft:
    cut_off_at = story.closed_at or row.ended_at or row.started_at
    ending = None
    if row.status == CallStatus.ENDED.value:
        reason = EndedReason(row.ended_reason or EndedReason.PLATFORM_ERROR)
        by = EndedBy(row.ended_by or EndedBy.UNKNOWN)
        ending = CallEnding(reason, by, row.ended_detail or "")
    return CallLeft(
        request=_request(row, story.request),
        how=how,
        why=story.why,
        by=story.by,
        cut_off_at=cut_off_at,
        last_heard_at=max(cut_off_at, spoke_at) if spoke_at is not None else cut_off_at,
        room_sid=row.room_sid,
        answered_at=row.answered_at,
        ended_at=row.ended_at,
        ending=ending,
        facts=tuple(story.facts),
    )


def _request(row: CallRow, began_with: CallRequest | None) -> CallRequest:
    """As the row has it; only the history knows how the phone was ordered."""
    return CallRequest(
        call_id=row.call_id,
        tenant_id=row.tenant_id,
        direction=Direction(row.direction),
        provider=Provider(row.provider),
        room_name=row.room_name,
        requested_at=row.started_at,
        assistant_id=row.assistant_id,
        adopted=row.room_name != row.call_id,
        human_identity=row.human_identity,
        language=row.language,
        record=row.record,
        transcribe=began_with is not None and began_with.transcribe,
        phone=began_with.phone if began_with is not None else None,
    )


def _not_cut_off(words: str) -> ApplicationError:
    return ApplicationError(words, type=NOT_CUT_OFF_ERROR, non_retryable=True)


def _pieces(ids: Collection[str]) -> list[list[str]]:
    ordered = sorted(ids)
    return [ordered[n : n + _PAGE] for n in range(0, len(ordered), _PAGE)]


def _since(ago: timedelta) -> str:
    return (datetime.now(UTC) - ago).strftime("%Y-%m-%dT%H:%M:%SZ")

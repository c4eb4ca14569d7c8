from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from api.auth import Admin, Operator
from api.calls.service import CallInPath
from api.parts import FromParts
from api.retention.reading import deletion_of
from api.retention.schemas import Deleted, LegalHoldPlaced, LegalHoldRequest, Reason
from api.retention.service import delete
from contract.retention import Kept
from store.erasures import Erasures
from store.legal_holds import LegalHolds
from store.retention_models import ErasureRow

router = APIRouter(prefix="/calls", tags=["retention"])

Why = Annotated[Reason, Query(description="For the timeline.", examples=["GDPR request 17"])]


@router.delete(
    "/{call_id}/recording",
    summary="Delete the recording",
    responses={202: {"model": Deleted, "description": "It will be deleted."}, 409: {}},
)
async def delete_recording(
    principal: Operator, call: CallInPath, parts: FromParts, reason: Why, response: Response
) -> Deleted:
    """For good, with every file of it; what stays says when, by whom and why. 202 while files are
    still there: it will happen. A repeat changes nothing. 409 `call-not-ended`,
    `recording-under-way`, `legal-hold`; 404 `recording-not-found`."""
    erasure = await delete(parts, call.call_id, Kept.RECORDING, principal.name, reason)
    if erasure.done_at is None:
        response.status_code = 202
    return _deleted(erasure)


@router.delete("/{call_id}/transcript", summary="Delete what was said", responses={409: {}})
async def delete_transcript(
    principal: Operator, call: CallInPath, parts: FromParts, reason: Why
) -> Deleted:
    """For good, on the timeline too, whose lines keep who spoke when. A repeat changes nothing. 409
    `call-not-ended`, `legal-hold`."""
    return _deleted(await delete(parts, call.call_id, Kept.TRANSCRIPT, principal.name, reason))


@router.put("/{call_id}/legal_hold", summary="Have nothing of the call deleted")
async def place_legal_hold(
    principal: Operator, call: CallInPath, parts: FromParts, body: LegalHoldRequest
) -> LegalHoldPlaced:
    """By anybody, retention included, until it is lifted. A hold that stands stays as it is."""
    async with parts.database.session() as session:
        hold = await LegalHolds(session).place(call.call_id, principal.name, body.reason)
        erasures = await Erasures(session).of_call(call.call_id)
    begun = {what for what, erasure in erasures.items() if erasure.asked_at is not None}
    return LegalHoldPlaced(
        call_id=call.call_id,
        placed_at=hold.placed_at,
        by=hold.placed_by,
        reason=hold.reason,
        covers=tuple(what for what in Kept if what not in begun),
    )


@router.delete("/{call_id}/legal_hold", summary="Lift the legal hold", status_code=204)
async def lift_legal_hold(
    principal: Admin, call: CallInPath, parts: FromParts, reason: Why
) -> Response:
    """What was due meanwhile is deleted within the hour. Without a hold nothing happens."""
    async with parts.database.session() as session:
        await LegalHolds(session).lift(call.call_id, principal.name, reason)
    return Response(status_code=204)


def _deleted(erasure: ErasureRow) -> Deleted:
    deletion = deletion_of(erasure)
    assert deletion is not None, "it was asked for just now, or before"
    return Deleted(call_id=erasure.call_id, what=Kept(erasure.what), **dict(deletion))

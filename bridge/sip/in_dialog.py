"""Requests of the far side inside a call, and what each is answered with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.sip.bodies import DTMF, DTMF_RELAY, UnsupportedBody, digit_of
from bridge.sip.dialog import contact
from bridge.sip.events import CallEnd, Dtmf
from bridge.sip.message import Request
from bridge.sip.replies import ACCEPT, ALLOW, SUPPORTED
from bridge.sip.transactions.server import ServerTransaction

if TYPE_CHECKING:
    from bridge.sip.call import Call


def receive(call: Call, transaction: ServerTransaction, request: Request) -> None:
    """Any request but ACK and CANCEL, of a dialog that is the call's."""
    assert call.dialog is not None
    if not call.dialog.in_order(request):
        again = {"Retry-After": str(call.core.ids.retry_after())}
        transaction.respond(call.respond(request, 500, headers=again))
        return
    call.heard(request.flow)
    if request.method == "BYE":
        _bye(call, transaction, request)
    elif not call.is_active:
        # The NOTIFY of a transfer may come behind its BYE, a PRACK behind the final answer.
        status = {"NOTIFY": 200, "PRACK": call.setup.prack(request)}.get(request.method, 481)
        transaction.respond(call.respond(request, status))
    elif request.method in ("INVITE", "UPDATE"):
        call.offers.asked(transaction, request)
    elif request.method == "REFER":
        status_or_none = call.referral.asked(transaction, request)
        if status_or_none is not None:
            transaction.respond(call.respond(request, status_or_none))
    else:
        _simple(call, transaction, request)


def _bye(call: Call, transaction: ServerTransaction, request: Request) -> None:
    transaction.respond(call.respond(request, 200))
    if not call.is_active:
        return
    if not call.answered:
        call.setup.withdraw()
    reason = request.headers.get("Reason")
    status = call.setup.status
    call.finish(CallEnd("them", "hung-up", call.answered, status, "", reason))


def _simple(call: Call, transaction: ServerTransaction, request: Request) -> None:
    status = 200
    headers: dict[str, str] = {}
    if request.method == "INFO":
        status, headers = _info(call, request)
    elif request.method == "NOTIFY":
        status = call.referral.notified(request)
    elif request.method == "PRACK":
        status = call.setup.prack(request)
    elif request.method == "OPTIONS":
        headers = {"Allow": ALLOW, "Accept": ACCEPT, "Supported": SUPPORTED}
    elif request.method == "UPDATE":
        headers = {"Contact": contact(call.core, request.flow.transport), "Allow": ALLOW}
    transaction.respond(call.respond(request, status, headers=headers))


def _info(call: Call, request: Request) -> tuple[int, dict[str, str]]:
    if request.headers.get("Info-Package"):
        return 469, {"Recv-Info": ""}  # RFC 6086 section 5.2.2: we want none of them
    if not request.body.strip():
        return 200, {}
    try:
        digit, ms = digit_of(request)
    except UnsupportedBody:
        return 415, {"Accept": f"{DTMF_RELAY}, {DTMF}"}
    except ValueError:
        return 400, {}
    call.emit(Dtmf(call, digit, ms))
    return 200, {}


def receive_early(call: Call, transaction: ServerTransaction, request: Request) -> None:
    """Before the 2xx to our INVITE, in one of its early dialogs: nothing that changes a session."""
    if request.method in ("OPTIONS", "INFO") or (request.method == "UPDATE" and not request.body):
        call.heard(request.flow)
        _simple(call, transaction, request)
    elif request.method in ("INVITE", "UPDATE"):
        # Nothing is open once a reliable answer brought SDP; sessions change after the 2xx only.
        status = 491 if call.setup.they_owe_an_answer else 488
        transaction.respond(call.respond(request, status))
    else:
        transaction.respond(call.respond(request, 481))

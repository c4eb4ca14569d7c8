"""Requests that come in: to their transaction, their dialog, or refused (RFC 3261 section 8.2)."""

from __future__ import annotations

from collections.abc import Mapping

from bridge.sip import in_dialog
from bridge.sip.bodies import UnsupportedBody, sdp_of
from bridge.sip.calls import Calls
from bridge.sip.core import Core
from bridge.sip.dialog import contact_of
from bridge.sip.digest import Doorkeeper
from bridge.sip.grammar import Uri
from bridge.sip.message import Request, Response
from bridge.sip.replies import (
    ACCEPT,
    ALLOW,
    EXTENSIONS,
    KNOWN_METHODS,
    METHODS,
    SUPPORTED,
    reply,
    way_back,
)
from bridge.sip.session_timer import headers_if_too_short
from bridge.sip.setup_out import OutgoingSetup
from bridge.sip.transactions.layer import Transactions
from bridge.sip.transactions.server import ServerInvite, ServerTransaction

_RETRY_AFTER = "5"
"""Seconds, told to whom we have no room for."""


class Requests:
    def __init__(self, core: Core, transactions: Transactions, calls: Calls) -> None:
        self._core = core
        self._transactions = transactions
        self._calls = calls
        challenge = core.settings.challenge
        self._doorkeeper = Doorkeeper(challenge, core.ids) if challenge else None

    def received(self, request: Request) -> None:
        known = self._transactions.server(request)
        # Some give the ACK of a 2xx the INVITE's branch; of RFC 2543 all do.
        is_dialogs = known is not None and request.method == "ACK" and known.state == "accepted"
        if known is not None and not is_dialogs:
            known.received(request)
            return
        if request.method == "ACK":
            self._ack(request)
            return
        transaction = self._transactions.accept(request)
        if transaction is None:
            self._core.drops["over-limit"] += 1
            self._without_transaction(request, 503, {"Retry-After": _RETRY_AFTER})
            return
        if request.method == "CANCEL":
            self._cancel(transaction, request)
        elif not self._refused_by_method(transaction, request):
            if request.head.to_tag:
                self._in_dialog(transaction, request)
            else:
                self._new(transaction, request)

    def _ack(self, request: Request) -> None:
        call = self._calls.find(request.head.call_id, request.head.to_tag)
        if call is None or call.dialog is None or call.dialog.remote_tag != request.head.from_tag:
            self._core.drops["stray-ack"] += 1
            return
        call.heard(request.flow)
        if not call.setup.acknowledge(request):
            call.offers.acknowledge(request)

    def _cancel(self, transaction: ServerTransaction, request: Request) -> None:
        """9.2: 200 whenever there is such an INVITE, also when it is too late for it."""
        invite = self._transactions.cancelled(request)
        if invite is None:
            self._respond(transaction, request, 481)
            return
        response = self._reply(request, 200, tag=invite.local_tag)
        transaction.respond(response)
        if not invite.answered and invite.on_cancel is not None:
            invite.on_cancel(request)

    def _refused_by_method(self, transaction: ServerTransaction, request: Request) -> bool:
        if request.method in METHODS:
            unknown = [each for each in request.require if each.lower() not in EXTENSIONS]
            if unknown:
                headers = {"Unsupported": ", ".join(unknown)}
                self._respond(transaction, request, 420, headers)
            return bool(unknown)
        status = 405 if request.method in KNOWN_METHODS else 501
        self._respond(transaction, request, status, {"Allow": ALLOW})
        return True

    def _in_dialog(self, transaction: ServerTransaction, request: Request) -> None:
        """Both tags must be right: what knows only one of them is a stranger (12.2.2)."""
        head = request.head
        call = self._calls.find(head.call_id, head.to_tag)
        if call is not None and call.dialog is None:
            if isinstance(call.setup, OutgoingSetup) and call.setup.early_dialog(head.from_tag):
                in_dialog.receive_early(call, transaction, request)
                return
        elif call is not None and call.dialog and call.dialog.remote_tag == head.from_tag:
            in_dialog.receive(call, transaction, request)
            return
        self._core.drops["stranger"] += 1
        self._respond(transaction, request, 481)

    def _new(self, transaction: ServerTransaction, request: Request) -> None:
        if not Uri.parse(request.target).is_sip:
            self._respond(transaction, request, 416)
        elif self._transactions.merged(transaction):
            self._respond(transaction, request, 482)
        elif request.method == "OPTIONS":
            room = self._calls.has_room(request.flow)
            headers = {"Allow": ALLOW, "Accept": ACCEPT, "Supported": SUPPORTED}
            self._respond(transaction, request, 200 if room else 503, headers)
        elif isinstance(transaction, ServerInvite):
            self._invite(transaction, request)
        else:
            self._respond(transaction, request, 603 if request.method == "REFER" else 481)

    def _invite(self, transaction: ServerInvite, request: Request) -> None:
        if not self._core.settings.may_call(request.flow):
            self._core.drops["not-allowed"] += 1
            self._respond(transaction, request, 403)
            return
        if not self._admitted(transaction, request):
            return
        if not self._calls.has_room(request.flow):
            self._core.drops["over-limit"] += 1
            self._respond(transaction, request, 503, {"Retry-After": _RETRY_AFTER})
            return
        try:
            offer = sdp_of(request)
        except UnsupportedBody:
            headers = {"Accept": ACCEPT, "Accept-Encoding": "identity"}
            self._respond(transaction, request, 415, headers)
            return
        if not _accepts_sdp(request):
            self._respond(transaction, request, 406)
            return
        if contact_of(request) is None:
            self._respond(transaction, request, 400)
            return
        too_short = headers_if_too_short(request, self._core.settings.min_session)
        if too_short is not None:
            self._respond(transaction, request, 422, too_short)
            return
        self._calls.answer(transaction, request, offer)

    def _admitted(self, transaction: ServerTransaction, request: Request) -> bool:
        if self._doorkeeper is None:
            return True
        admitted, stale = self._doorkeeper.admits(request, self._core.now)
        if not admitted:
            response = self._reply(request, 401)
            challenges = self._doorkeeper.challenges(self._core.now, stale)
            response.headers.setlist("WWW-Authenticate", challenges)
            transaction.respond(response)
        return admitted

    def _reply(
        self,
        request: Request,
        status: int,
        headers: Mapping[str, str] | None = None,
        tag: str | None = None,
    ) -> Response:
        name = self._core.settings.name
        return reply(request, status, name=name, tag=tag or self._core.ids.tag(), headers=headers)

    def _respond(
        self,
        transaction: ServerTransaction,
        request: Request,
        status: int,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        transaction.respond(self._reply(request, status, headers))

    def _without_transaction(
        self, request: Request, status: int, headers: Mapping[str, str]
    ) -> None:
        self._core.send(way_back(request), bytes(self._reply(request, status, headers)))


def _accepts_sdp(request: Request) -> bool:
    """Whether our answer's body may be SDP (8.2.3); no Accept means that it may."""
    values = request.headers.getlist("Accept")
    if not values:
        return True
    kinds = {
        each.partition(";")[0].strip().lower() for value in values for each in value.split(",")
    }
    return bool(kinds & {ACCEPT, "application/*", "*/*"}) or kinds == {""}

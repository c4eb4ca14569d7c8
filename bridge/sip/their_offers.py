"""Offers that they make inside a session: re-INVITE, and UPDATE (RFC 3261 section 14, RFC 3311)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.sip.acceptance import Acceptance
from bridge.sip.bodies import UnsupportedBody, sdp_if_any, sdp_of
from bridge.sip.core import Timer
from bridge.sip.dialog import contact
from bridge.sip.events import CallEnd, OfferAnswered, OfferFailed, OfferReceived
from bridge.sip.message import Request
from bridge.sip.replies import ACCEPT, ALLOW, SUPPORTED
from bridge.sip.session_timer import headers_if_too_short
from bridge.sip.transactions.server import ServerInvite, ServerTransaction

if TYPE_CHECKING:
    from bridge.sip.call import Call


class TheirOffers:
    def __init__(self, call: Call) -> None:
        self._call = call
        self._asked: tuple[ServerTransaction, Request] | None = None
        """What waits for our user's answer."""
        self._acceptances: dict[int, tuple[Acceptance, bool]] = {}
        """Our 2xx without their ACK yet, by CSeq, and whether the ACK brings an answer."""
        self._patience: Timer | None = None

    @property
    def is_busy(self) -> bool:
        return self._asked is not None or bool(self._acceptances)

    def asked(self, transaction: ServerTransaction, request: Request) -> None:
        """A re-INVITE or UPDATE, in order by its CSeq."""
        call = self._call
        try:
            sdp = sdp_of(request)
        except UnsupportedBody:
            self._refuse(transaction, request, 415, {"Accept": ACCEPT})
            return
        is_invite = isinstance(transaction, ServerInvite)
        too_short = headers_if_too_short(request, call.core.settings.min_session)
        if too_short is not None:
            self._refuse(transaction, request, 422, too_short)
        elif not is_invite and sdp is None:
            self._accept(transaction, request, None)
        elif call.state == "ringing" and not call.setup.they_owe_an_answer:
            self._refuse_early(transaction, request)
        elif self._asked is not None:
            # RFC 3261 14.2 and RFC 3311 5.2: theirs before is not answered yet.
            again = {"Retry-After": str(call.core.ids.retry_after())}
            self._refuse(transaction, request, 500, again)
        elif call.offers.ours.is_under_way or self._awaits_answer or call.state != "answered":
            self._refuse(transaction, request, 491)
        else:
            self._asked = transaction, request
            if isinstance(transaction, ServerInvite):
                transaction.on_cancel = self._cancelled
            self._patience = call.core.after(call.core.timers.offer, lambda: self.refuse(500))
            call.emit(OfferReceived(call, sdp))

    def _refuse_early(self, transaction: ServerTransaction, request: Request) -> None:
        """Before our 2xx: later, or never once our answer is in a reliable provisional one."""
        call = self._call
        if call.setup.we_owe_an_answer:
            again = {"Retry-After": str(call.core.ids.retry_after())}
            self._refuse(transaction, request, 500, again)
        else:
            self._refuse(transaction, request, 488)

    @property
    def _awaits_answer(self) -> bool:
        """Whether an offer of ours is out that an ACK answers, or theirs for our ACK."""
        return (
            self._call.offers.ours.owes_an_answer
            or self._call.setup.awaits_answer
            or any(brings for _, brings in self._acceptances.values())
        )

    def answer(self, sdp: str) -> bool:
        if self._asked is None:
            return False
        self._accept(*self._taken(), sdp)
        return True

    def refuse(self, status: int) -> None:
        if self._asked is not None:
            self._refuse(*self._taken(), status)
            self._call.offers.proceed()

    def acknowledge(self, ack: Request) -> bool:
        found = self._acceptances.get(ack.head.cseq)
        if found is not None:
            found[0].acknowledge(ack)
        return found is not None

    def stop(self) -> None:
        """The call is over: what waits for an answer of ours gets one."""
        if self._asked is not None:
            self._refuse(*self._taken(), 487)
        for acceptance, _ in self._acceptances.values():
            acceptance.stop()
        self._acceptances.clear()

    def _taken(self) -> tuple[ServerTransaction, Request]:
        assert self._asked is not None
        taken, self._asked = self._asked, None
        if self._patience is not None:
            self._patience.cancel()
        return taken

    def _accept(self, transaction: ServerTransaction, request: Request, sdp: str | None) -> None:
        call = self._call
        assert call.dialog is not None
        call.dialog.refresh(request)
        response = call.respond(request, 200, body=sdp)
        response.headers.set("Contact", contact(call.core, call.dialog.transport))
        response.headers.set("Allow", ALLOW)
        response.headers.set("Supported", SUPPORTED)
        for name, value in call.session.accept_headers(request).items():
            response.headers.set(name, value)
        theirs = sdp_of(request)
        if sdp is not None:
            call.offers.settled(ours=sdp, theirs=theirs)
        if not isinstance(transaction, ServerInvite):
            transaction.respond(response)
            call.offers.proceed()
            return
        cseq = request.head.cseq
        self._acceptances[cseq] = (
            Acceptance(
                call.core,
                transaction,
                response,
                lambda ack: self._acknowledged(cseq, ack),
                self._no_ack,
            ),
            theirs is None,
        )

    def _acknowledged(self, cseq: int, ack: Request) -> None:
        call, (_, brings_answer) = self._call, self._acceptances.pop(cseq)
        if brings_answer:
            sdp = sdp_if_any(ack)
            if sdp is None:
                call.emit(OfferFailed(call, 0))
            else:
                call.offers.settled(theirs=sdp)
                call.emit(OfferAnswered(call, sdp))
        call.offers.proceed()

    def _no_ack(self) -> None:
        call = self._call
        call.leave(CallEnd("network", "ack-timeout", True, call.setup.status))

    def _cancelled(self, cancel: Request) -> None:
        if self._asked is not None:
            self.refuse(487)
            self._call.emit(OfferFailed(self._call, 487))

    def _refuse(
        self,
        transaction: ServerTransaction,
        request: Request,
        status: int,
        headers: dict[str, str] | None = None,
    ) -> None:
        transaction.respond(self._call.respond(request, status, headers=headers))

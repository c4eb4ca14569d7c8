"""The INVITE of an incoming call: rung, answered, refused, or withdrawn by the caller."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from bridge.sip.acceptance import Acceptance
from bridge.sip.bodies import UnsupportedBody, sdp_if_any, sdp_of
from bridge.sip.call import Call
from bridge.sip.core import Timer
from bridge.sip.dialog import contact
from bridge.sip.events import CallEnd, Confirmed, OfferAnswered
from bridge.sip.flow import Flow
from bridge.sip.message import Request, Response
from bridge.sip.reliable import ReliableAnswers
from bridge.sip.replies import ALLOW, SUPPORTED
from bridge.sip.transactions.server import ServerInvite

_MOST_EXPIRES = 7 * 24 * 3600


class IncomingSetup:
    def __init__(
        self, call: Call, transaction: ServerInvite, request: Request, offer: str | None
    ) -> None:
        self.status: int | None = None
        self.awaits_answer = False
        """Our 2xx carries the offer and the ACK has not brought the answer yet."""
        self._call = call
        self._transaction = transaction
        self._request = request
        self._offer = offer
        self._told: str | None = None
        """Our SDP in a reliable provisional answer: it is the answer, and the 2xx repeats none."""
        self._reliable = ReliableAnswers(call.core, self._no_prack)
        self._accepted: tuple[str, Mapping[str, str]] | None = None
        self._acceptance: Acceptance | None = None
        self._leaving: Mapping[str, str] | None = None
        self._again: Timer | None = None
        self._timers: list[Timer] = []

    def start(self) -> None:
        core, expires = self._call.core, self._request.headers.get("Expires") or ""
        self._timers.append(core.after(core.settings.answer_patience, self._nobody_answers))
        if expires.isascii() and expires.isdigit() and len(expires) < 10:
            self._timers.append(core.after(min(int(expires), _MOST_EXPIRES), self._expired))
        self._transaction.on_cancel = self._cancelled
        self._transaction.local_tag = self._call.local_tag

    def ring(self, status: int, sdp: str | None) -> None:
        if not 101 <= status < 200:
            raise ValueError(f"{status} is no provisional answer.")
        if self._accepted is not None:
            return
        requires, supports = self._asks_for_reliable()
        if self._offer is None and sdp is None and self._told is None:
            # The first reliable one would have to bring our offer (RFC 3262 section 5).
            if requires:
                return
            supports = False
        response = self._response(status, sdp)
        if requires or supports:
            if sdp is not None:
                self._told = self._told or sdp
            self._reliable.send(self._transaction, response)
            return
        self._transaction.respond(response)
        if self._again is not None:
            self._again.cancel()
        timers = self._call.core.timers
        self._again = self._call.core.after(timers.ringing_again, lambda: self.ring(status, sdp))

    def accept(self, sdp: str, headers: Mapping[str, str]) -> None:
        if self._reliable.holds_sdp:
            self._accepted = sdp, headers
            return
        call, told = self._call, self._told
        self.stop()
        response = self._response(200, None if told else sdp)
        for name, value in {**call.session.accept_headers(self._request), **headers}.items():
            response.headers.set(name, value)
        call.answered, call.state, self.status = True, "answered", 200
        self.awaits_answer = self._offer is None and told is None
        if self._offer is not None:
            call.offers.settled(ours=told or sdp, theirs=self._offer)
        else:
            call.offers.settled(ours=told or sdp, theirs=None)
        self._acceptance = Acceptance(
            call.core, self._transaction, response, self._acknowledged, self._no_ack
        )

    def reject(self, status: int, phrase: str, headers: Mapping[str, str]) -> None:
        self._refuse(status, phrase, headers)
        self._call.finish(CallEnd("us", "rejected", False, status, phrase))

    def hang_up(self, headers: Mapping[str, str]) -> None:
        call = self._call
        if not call.answered:
            self.reject(480, "", headers)
        elif self._acceptance is not None and not self._acceptance.acknowledged:
            # Who was called may not send BYE before the ACK (section 15).
            call.state, self._leaving = "ending", headers
        else:
            call.leave(CallEnd("us", "hung-up", True, self.status), headers)

    def answer(self, sdp: str) -> bool:
        return False

    def acknowledge(self, ack: Request) -> bool:
        """The ACK of our 2xx; whether it is for this INVITE."""
        if self._acceptance is None or ack.head.cseq != self._request.head.cseq:
            return False
        self._acceptance.acknowledge(ack)
        return True

    def prack(self, request: Request) -> int:
        """The status to answer it with."""
        if not self._reliable.acknowledged(request):
            return 481
        call = self._call
        try:
            sdp = sdp_of(request)
        except UnsupportedBody:
            return 415
        if sdp is not None:
            if self._offer is not None or self._told is None:
                return 488  # a second offer before the call is answered
            self._offer = sdp
            call.offers.settled(ours=self._told, theirs=sdp)
            call.emit(OfferAnswered(call, sdp))
        if self._accepted is not None and not self._reliable.holds_sdp:
            accepted, self._accepted = self._accepted, None
            self.accept(*accepted)
        return 200

    @property
    def is_unheard(self) -> bool:
        return False

    @property
    def is_pending(self) -> bool:
        return not self._transaction.answered

    @property
    def awaits_ack(self) -> bool:
        return self._acceptance is not None and not self._acceptance.acknowledged

    def uses(self, flow: Flow) -> bool:
        return self._transaction.flow == flow

    def give_up(self, end: CallEnd) -> None:
        self._refuse(480, "", {})
        self._call.finish(replace(end, sip_status=self.status))

    def withdraw(self) -> None:
        """Their BYE before our answer (15.1.2): the INVITE is answered with 487."""
        self._refuse(487, "", {})

    def stop(self) -> None:
        self._reliable.stop()
        for timer in (*self._timers, self._again):
            if timer is not None:
                timer.cancel()
        self._timers, self._again = [], None
        if self._acceptance is not None and not self._call.is_active:
            self._acceptance.stop()

    def _response(self, status: int, sdp: str | None) -> Response:
        call, request = self._call, self._request
        response = call.respond(request, status, body=sdp)
        if routes := request.headers.getlist("Record-Route"):
            response.headers.setlist("Record-Route", routes)
        if status < 300:
            response.headers.set("Contact", contact(call.core, request.flow.transport))
            response.headers.set("Allow", ALLOW)
            response.headers.set("Supported", SUPPORTED)
        return response

    def _asks_for_reliable(self) -> tuple[bool, bool]:
        """Whether they insist on it, and whether they can and we would."""
        request = self._request
        requires = "100rel" in [each.lower() for each in request.require]
        supported = "100rel" in [each.lower() for each in request.supported]
        return requires, supported and self._call.core.settings.reliable_provisionals

    @property
    def they_owe_an_answer(self) -> bool:
        """Before the 2xx: to our offer in a reliable provisional answer."""
        return self._offer is None and self._told is not None

    @property
    def we_owe_an_answer(self) -> bool:
        return self._offer is not None and self._told is None

    def _refuse(self, status: int, phrase: str, headers: Mapping[str, str]) -> None:
        self.stop()
        if self.is_pending:
            self.status = status
            self._transaction.respond(
                self._call.respond(self._request, status, phrase=phrase, headers=headers)
            )

    def _acknowledged(self, ack: Request) -> None:
        call = self._call
        sdp = sdp_if_any(ack)
        wanted, self.awaits_answer = self.awaits_answer, False
        if self._leaving is not None:
            call.leave(CallEnd("us", "hung-up", True, self.status), self._leaving)
        elif wanted and sdp is None:
            call.leave(CallEnd("them", "no-session", True, self.status))
        else:
            call.emit(Confirmed(call))
            if wanted and sdp is not None:
                call.offers.settled(theirs=sdp)
                call.emit(OfferAnswered(call, sdp))
            call.offers.proceed()

    def _no_ack(self) -> None:
        end = CallEnd("network", "ack-timeout", True, self.status)
        if self._leaving is not None:
            end = CallEnd("us", "hung-up", True, self.status)
        self._call.leave(end, self._leaving)

    def _no_prack(self) -> None:
        self._refuse(504, "", {})
        self._call.finish(CallEnd("network", "prack-timeout", False, 504))

    def _nobody_answers(self) -> None:
        self._refuse(480, "", {})
        self._call.finish(CallEnd("us", "no-answer", False, 480))

    def _expired(self) -> None:
        self._refuse(487, "", {})
        self._call.finish(CallEnd("them", "expired", False, 487))

    def _cancelled(self, cancel: Request) -> None:
        self._refuse(487, "", {})
        reason = cancel.headers.get("Reason")
        self._call.finish(CallEnd("them", "cancelled", False, 487, "", reason))

"""Offers and answers inside a session: re-INVITE and UPDATE, ours and theirs (RFC 3261 section 14,
RFC 3311, RFC 6337). One at a time; of two at the same moment both sides step back and try again."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from bridge.sip.acceptance import Acceptance
from bridge.sip.bodies import SDP, UnsupportedBody, sdp_of
from bridge.sip.core import Hop, Timer
from bridge.sip.dialog import contact
from bridge.sip.events import CallEnd, OfferAnswered, OfferFailed, OfferReceived
from bridge.sip.exchange import Exchange
from bridge.sip.message import Request, Response
from bridge.sip.replies import ACCEPT, ALLOW, SUPPORTED
from bridge.sip.session_timer import headers_if_too_short, seconds_of
from bridge.sip.transactions.client import Failure
from bridge.sip.transactions.server import ServerInvite, ServerTransaction

if TYPE_CHECKING:
    from bridge.sip.call import Call

_MOST_ACKS = 8
_MOST_RETRIES = 8
"""Of one offer that they have no time for (491, or 500 with Retry-After)."""

OfferSource = str | Callable[[], str] | None


class Offers:
    def __init__(self, call: Call) -> None:
        self._call = call
        self._wanted: tuple[OfferSource] | None = None
        """What our user asked for while something else was under way; in a tuple, for None is
        a wish too."""
        self._ours: Exchange | None = None
        self._source: OfferSource = None
        """Of our re-INVITE under way, in case it has to be made once more."""
        self._retries = 0
        self._offer: str | None = None
        """The SDP of our re-INVITE under way; None: they are to make the offer."""
        self._is_refresh = False
        self._offered: Response | None = None
        """The 2xx to our re-INVITE without SDP: its ACK waits for our answer."""
        self._theirs: tuple[ServerTransaction, Request, str | None] | None = None
        self._acceptances: dict[int, tuple[Acceptance, bool]] = {}
        """Our 2xx without their ACK yet, by CSeq, and whether the ACK brings an answer."""
        self._acks: dict[int, tuple[bytes, Hop]] = {}
        self._glare: Timer | None = None
        self._patience: Timer | None = None
        self._local: str | None = None
        self._remote: str | None = None

    # Ours.

    def offer(self, sdp: OfferSource) -> None:
        self._wanted = (sdp,)
        self.proceed()

    def proceed(self) -> None:
        """Makes the offer that waits, when nothing is under way any more."""
        if self._wanted is None or self.is_busy or self._call.state != "answered":
            return
        (self._source,), self._wanted = self._wanted, None
        self._offer = self._source() if callable(self._source) else self._source
        self._is_refresh = False
        self._reinvite()

    @property
    def is_busy(self) -> bool:
        setup = self._call.setup
        return (
            self._ours is not None
            or self._theirs is not None
            or self._offered is not None
            or self._glare is not None
            or bool(self._acceptances)
            or setup.awaits_answer
            or setup.awaits_ack
        )

    def refresh(self) -> None:
        """Of the session timer: UPDATE where they have it, else the last SDP once more."""
        call = self._call
        if call.state != "answered":
            return
        if call.dialog is not None and "UPDATE" in call.dialog.methods:
            Exchange(call, self._build_update, self._refreshed, lambda failure: None)
        elif not self.is_busy and self._wanted is None and self._local is not None:
            self._source = self._offer = self._local
            self._is_refresh = True
            self._reinvite()

    def settled(self, ours: str | None = None, theirs: str | None = None) -> None:
        """What the session is now; kept to be said again by a refresh."""
        self._local, self._remote = ours or self._local, theirs or self._remote

    def _build_update(self) -> Request:
        made = self._call.request("UPDATE")
        for name, value in self._call.session.request_headers().items():
            made.headers.set(name, value)
        return made

    def _refreshed(self, response: Response) -> None:
        call = self._call
        if 200 <= response.code < 300:
            call.session.answered(response)
        elif response.code == 422 and call.session.raise_interval(response):
            self.refresh()
        elif response.code in (405, 501) and call.dialog is not None:
            call.dialog.methods -= {"UPDATE"}
            self.refresh()
        elif response.code >= 300:
            call.judge(response)
            self._refresh_later()

    def _reinvite(self) -> None:
        self._patience = self._call.core.after(self._call.core.timers.offer, self._rings_on)
        self._ours = Exchange(self._call, self._build, self._received, self._failed)

    def _build(self) -> Request:
        made = self._call.request("INVITE", self._offer, SDP)
        made.headers.set("Accept", ACCEPT)
        for name, value in self._call.session.request_headers().items():
            made.headers.set(name, value)
        return made

    def _rings_on(self) -> None:
        if self._ours is not None:
            self._ours.cancel()

    def _received(self, response: Response) -> None:
        if response.code < 200:
            return
        cseq = response.head.cseq
        if cseq in self._acks:
            self._call.core.send(self._acks[cseq][1], self._acks[cseq][0])
            return
        if response.code < 300:
            self._success(response)
        elif self._ours is not None and self._ours.cseq == cseq:
            self._refused(response)

    def _success(self, response: Response) -> None:
        call = self._call
        if self._offered is not None and self._offered.head.cseq == response.head.cseq:
            return
        if not call.is_active or self._ours is None or self._ours.cseq != response.head.cseq:
            self._acknowledge(response, None)
            return
        assert call.dialog is not None
        call.dialog.refresh(response)
        call.session.answered(response)
        offer, is_refresh = self._offer, self._is_refresh
        self._retries = 0
        self._over()
        try:
            sdp = sdp_of(response)
        except UnsupportedBody:
            sdp = None
        if offer is None and sdp is not None:
            self._offered = response
            call.emit(OfferReceived(call, sdp))
            return
        self._acknowledge(response, None)
        if sdp is None:
            call.emit(OfferFailed(call, response.code))
        else:
            is_news = not is_refresh or sdp != self._remote
            self.settled(ours=offer, theirs=sdp)
            if is_news:
                call.emit(OfferAnswered(call, sdp))
        self.proceed()

    def _acknowledge(self, response: Response, sdp: str | None) -> None:
        dialog = self._call.dialog
        assert dialog is not None
        ack = dialog.request("ACK", response.head.cseq, sdp)
        if sdp:
            ack.headers.set("Content-Type", SDP)
        data, hop = bytes(ack), dialog.next_hop()
        self._acks[response.head.cseq] = data, hop
        while len(self._acks) > _MOST_ACKS:
            del self._acks[next(iter(self._acks))]
        self._call.core.send(hop, data)

    def _refused(self, response: Response) -> None:
        call, ours = self._call, self._ours
        if (
            response.code == 422
            and ours is not None
            and ours.may_try_again
            and call.session.raise_interval(response)
        ):
            ours.again()
            return
        self._over()
        wait = self._wait_for(response)
        if wait is not None and self._retries < _MOST_RETRIES:
            self._retries += 1
            if self._is_refresh:
                self._refresh_later()
            elif self._wanted is None:
                self._wanted = (self._source,)
            self._glare = call.core.after(wait, self._after_glare)
            return
        self._retries = 0
        if not self._is_refresh:
            call.emit(OfferFailed(call, response.code))
        call.judge(response)
        self.proceed()

    def _wait_for(self, response: Response) -> float | None:
        """Seconds until the offer is made again; None: it is refused for good."""
        if response.code == 491:
            # 14.1: whoever made the Call-ID waits longer, so that they do not meet again.
            return self._call.core.ids.glare_wait(self._call.direction == "out")
        if response.code == 500:
            # 14.2: theirs is not done yet, and they say how long that takes.
            seconds = seconds_of(response.headers.get("Retry-After"))
            return None if seconds is None or seconds > 10 else seconds
        return None

    def _after_glare(self) -> None:
        self._glare = None
        self.proceed()

    def _refresh_later(self) -> None:
        """Whatever they had against it passes, or the session runs out."""
        core = self._call.core
        core.after(core.ids.glare_wait(True), self.refresh)

    def _failed(self, failure: Failure) -> None:
        self._over()
        call = self._call
        if failure == "timeout" and call.state == "answered":
            call.leave(CallEnd("network", "no-response", True, call.setup.status))
            return
        if not self._is_refresh:
            call.emit(OfferFailed(call, 503))
        self.proceed()

    def _over(self) -> None:
        self._ours = None
        if self._patience is not None:
            self._patience.cancel()
        self._patience = None

    # Theirs.

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
        elif self._theirs is not None:
            # RFC 3261 14.2 and RFC 3311 5.2: theirs before is not answered yet.
            again = {"Retry-After": str(call.core.ids.retry_after())}
            self._refuse(transaction, request, 500, again)
        elif self._ours is not None or self._awaits_answer or call.state != "answered":
            self._refuse(transaction, request, 491)
        else:
            self._theirs = transaction, request, sdp
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
        """Whether an offer of ours is out that the next ACK answers, or theirs for our ACK."""
        return (
            self._offered is not None
            or self._call.setup.awaits_answer
            or any(brings for _, brings in self._acceptances.values())
        )

    def answer(self, sdp: str) -> bool:
        if self._offered is not None:
            offered, self._offered = self._offered, None
            self.settled(ours=sdp, theirs=sdp_of(offered))
            self._acknowledge(offered, sdp)
            self.proceed()
            return True
        if self._theirs is None:
            return False
        transaction, request, _ = self._taken()
        self._accept(transaction, request, sdp)
        return True

    def refuse(self, status: int) -> None:
        if self._offered is not None:
            # An offer in a 2xx cannot be refused but by BYE (RFC 6337 section 3.3).
            self._acknowledge(self._offered, None)
            self._offered = None
            self._call.leave(CallEnd("us", "not-acceptable", True, self._call.setup.status))
        elif self._theirs is not None:
            transaction, request, _ = self._taken()
            self._refuse(transaction, request, status)
            self.proceed()

    def acknowledge(self, ack: Request) -> bool:
        found = self._acceptances.get(ack.head.cseq)
        if found is not None:
            found[0].acknowledge(ack)
        return found is not None

    def stop(self) -> None:
        """The call is over: what waits for an answer of ours gets one."""
        if self._theirs is not None:
            transaction, request, _ = self._taken()
            self._refuse(transaction, request, 487)
        for acceptance, _ in self._acceptances.values():
            acceptance.stop()
        self._acceptances.clear()
        self._over()
        if self._glare is not None:
            self._glare.cancel()
        if self._offered is not None:
            self._acknowledge(self._offered, None)
        self._glare = self._wanted = self._offered = None

    def _taken(self) -> tuple[ServerTransaction, Request, str | None]:
        assert self._theirs is not None
        taken, self._theirs = self._theirs, None
        self._over()
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
            self.settled(ours=sdp, theirs=theirs)
        if not isinstance(transaction, ServerInvite):
            transaction.respond(response)
            self.proceed()
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
        _, brings_answer = self._acceptances.pop(cseq)
        if brings_answer:
            try:
                sdp = sdp_of(ack)
            except UnsupportedBody:
                sdp = None
            if sdp is None:
                self._call.emit(OfferFailed(self._call, 0))
            else:
                self.settled(theirs=sdp)
                self._call.emit(OfferAnswered(self._call, sdp))
        self.proceed()

    def _no_ack(self) -> None:
        call = self._call
        call.leave(CallEnd("network", "ack-timeout", True, call.setup.status))

    def _cancelled(self, cancel: Request) -> None:
        if self._theirs is not None:
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

"""Offers that we make inside a session: re-INVITE, and the refreshes of its timer (RFC 3261
section 14, RFC 4028). One at a time; what meets an offer of theirs steps back and tries again."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from bridge.sip.bodies import SDP, sdp_if_any
from bridge.sip.core import Hop, Timer
from bridge.sip.events import CallEnd, OfferAnswered, OfferFailed, OfferReceived
from bridge.sip.exchange import Exchange
from bridge.sip.message import Request, Response
from bridge.sip.replies import ACCEPT
from bridge.sip.session_timer import seconds_of
from bridge.sip.transactions.client import Failure

if TYPE_CHECKING:
    from bridge.sip.call import Call

_MOST_ACKS = 8
_MOST_RETRIES = 8
"""Of one offer that they have no time for (491, or 500 with Retry-After)."""

OfferSource = str | Callable[[], str] | None


class OurOffers:
    def __init__(self, call: Call) -> None:
        self._call = call
        self._wanted: tuple[OfferSource] | None = None
        """What our user asked for while something else was under way; in a tuple, for None is
        a wish too."""
        self._exchange: Exchange | None = None
        self._source: OfferSource = None
        """Of the re-INVITE under way, in case it has to be made once more."""
        self._retries = 0
        self._offer: str | None = None
        """The SDP of the re-INVITE under way; None: they are to make the offer."""
        self._is_refresh = False
        self._offered: Response | None = None
        """The 2xx to a re-INVITE without SDP: its ACK waits for our answer."""
        self._acks: dict[int, tuple[bytes, Hop]] = {}
        self._glare: Timer | None = None
        self._patience: Timer | None = None

    @property
    def is_under_way(self) -> bool:
        return self._exchange is not None

    @property
    def owes_an_answer(self) -> bool:
        """They made the offer that we asked for."""
        return self._offered is not None

    @property
    def is_busy(self) -> bool:
        return self.is_under_way or self.owes_an_answer or self._glare is not None

    def offer(self, sdp: OfferSource) -> None:
        self._wanted = (sdp,)
        self.proceed()

    def proceed(self) -> None:
        """Makes the offer that waits, when nothing is under way any more."""
        call = self._call
        if self._wanted is None or call.offers.is_busy or call.state != "answered":
            return
        (self._source,), self._wanted = self._wanted, None
        self._offer = self._source() if callable(self._source) else self._source
        self._is_refresh = False
        self._reinvite()

    def refresh(self) -> None:
        """Of the session timer: UPDATE where they have it, else the last SDP once more."""
        call = self._call
        if call.state != "answered":
            return
        if call.dialog is not None and "UPDATE" in call.dialog.methods:
            Exchange(call, self._build_update, self._refreshed, lambda failure: None)
        elif not call.offers.is_busy and self._wanted is None and call.offers.local is not None:
            self._source = self._offer = call.offers.local
            self._is_refresh = True
            self._reinvite()

    def answer(self, sdp: str) -> bool:
        if self._offered is None:
            return False
        offered, self._offered = self._offered, None
        self._call.offers.settled(ours=sdp, theirs=sdp_if_any(offered))
        self._acknowledge(offered, sdp)
        self.proceed()
        return True

    def refuse(self) -> bool:
        """An offer in a 2xx cannot be refused but by BYE (RFC 6337 section 3.3)."""
        if self._offered is None:
            return False
        self._acknowledge(self._offered, None)
        self._offered = None
        self._call.leave(CallEnd("us", "not-acceptable", True, self._call.setup.status))
        return True

    def stop(self) -> None:
        self._over()
        if self._glare is not None:
            self._glare.cancel()
        if self._offered is not None:
            self._acknowledge(self._offered, None)
        self._glare = self._wanted = self._offered = None

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
        self._exchange = Exchange(self._call, self._build, self._received, self._failed)

    def _build(self) -> Request:
        made = self._call.request("INVITE", self._offer, SDP)
        made.headers.set("Accept", ACCEPT)
        for name, value in self._call.session.request_headers().items():
            made.headers.set(name, value)
        return made

    def _rings_on(self) -> None:
        if self._exchange is not None:
            self._exchange.cancel()

    def _received(self, response: Response) -> None:
        if response.code < 200:
            return
        cseq = response.head.cseq
        if cseq in self._acks:
            self._call.core.send(self._acks[cseq][1], self._acks[cseq][0])
            return
        if response.code < 300:
            self._success(response)
        elif self._exchange is not None and self._exchange.cseq == cseq:
            self._refused(response)

    def _success(self, response: Response) -> None:
        call = self._call
        if self._offered is not None and self._offered.head.cseq == response.head.cseq:
            return
        if (
            not call.is_active
            or self._exchange is None
            or self._exchange.cseq != response.head.cseq
        ):
            self._acknowledge(response, None)
            return
        assert call.dialog is not None
        call.dialog.refresh(response)
        call.session.answered(response)
        offer, is_refresh = self._offer, self._is_refresh
        self._retries = 0
        self._over()
        sdp = sdp_if_any(response)
        if offer is None and sdp is not None:
            self._offered = response
            call.emit(OfferReceived(call, sdp))
            return
        self._acknowledge(response, None)
        if sdp is None:
            call.emit(OfferFailed(call, response.code))
        else:
            is_news = not is_refresh or sdp != call.offers.remote
            call.offers.settled(ours=offer, theirs=sdp)
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
        call, ours = self._call, self._exchange
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
        self._exchange = None
        if self._patience is not None:
            self._patience.cancel()
        self._patience = None

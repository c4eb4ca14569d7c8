"""A leg's state, and what changes it: the half of a leg that the bridge talks to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Literal

from bridge import sip
from bridge.legs.events import (
    Answered,
    ConnectionLost,
    DtmfHeard,
    Held,
    LegEnded,
    Reattached,
    Resumed,
    Ringing,
    TransferProgress,
    TransferRequested,
)
from bridge.legs.host import LegHost
from bridge.legs.news import News
from bridge.legs.offers import Offers
from bridge.legs.outcome import Blame, LegEnd, Side
from bridge.legs.record import Record, Why, now
from bridge.legs.transfers import Transfers
from bridge.rtp import MediaSession
from bridge.sdp import Negotiated, Negotiation, NothingInCommon, SdpError

LegState = Literal["dialling", "ringing", "answered", "ended"]
_SIDES: tuple[Side, ...] = ("us", "them")


class LegCore:
    """`take` its media, `handle` its events, `finish` it once."""

    def __init__(
        self, host: LegHost, call: sip.Call, *, max_duration: float, accept_transfers: bool
    ) -> None:
        self.call = call
        self.news = News()
        self.state: LegState = "dialling" if call.direction == "out" else "ringing"
        self.end: LegEnd | None = None
        self.media: MediaSession | None = None
        self.offer: str | None = None
        """Incoming: theirs, which stood in the INVITE."""
        self.trunk = ""
        """Incoming: the trunk of BRIDGE_ALLOWED_SOURCES that it came from; empty without a name."""
        self.on_frame: Callable[[bytes], None] | None = None
        """20 ms of what the far side says: PCM, 16 bit, mono, at `sample_rate`."""
        self.record = Record(call.direction)
        self._host = host
        self._negotiation: Negotiation | None = None
        self._offers: Offers | None = None
        self._transfers = Transfers(host, call)
        self._max_duration = max_duration
        self._accept_transfers = accept_transfers
        self._too_long: asyncio.TimerHandle | None = None
        self._talks = False
        self._decided = asyncio.Event()
        self._is_over = asyncio.Event()
        self._parted = asyncio.Event()
        self._closing: asyncio.Task[None] | None = None

    @property
    def negotiated(self) -> Negotiated | None:
        """What both sides agreed on last."""
        return self._negotiation.current if self._negotiation is not None else None

    def take(self, media: MediaSession, negotiation: Negotiation) -> None:
        self.media, self._negotiation = media, negotiation
        self._offers = Offers(self._host, self.call, negotiation, self._changed)
        media.on_frame = self._frame
        media.on_dtmf = lambda digit, ms: self.news.tell(DtmfHeard(digit, ms, "rtp"))
        media.on_timeout = self._silent

    def handle(self, event: sip.Event) -> None:
        match event:
            case sip.Progress():
                self._progress(event)
            case sip.Answered():
                self._they_answered(event)
            case sip.OfferReceived() if self._offers is not None:
                self._offers.received(event.sdp)
            case sip.OfferAnswered() if self._offers is not None:
                self._use(event.sdp, self._offers.answered)
            case sip.OfferFailed() if self._offers is not None:
                self._offers.failed(event.status)
                self._hang_up_without_session()
            case sip.Dtmf():
                self.news.tell(DtmfHeard(event.digit, event.ms, "info"))
            case sip.ReferReceived():
                self._asked_to_transfer(event)
            case sip.ReferProgress():
                progress = TransferProgress(event.status, event.phrase, event.final)
                self.news.tell(progress)
                self._transfers.progress(progress)
            case sip.Reattached():
                self.record.trouble = ""
                self.news.tell(Reattached())
            case sip.Ended():
                self.finish(event.end)

    def lost_connection(self) -> None:
        """Of its signalling; whether the call outlives that is for the user agent to find out."""
        self.record.trouble = "the far side, or the network, closed the connection"
        self.news.tell(ConnectionLost())

    def finish(self, end: sip.CallEnd) -> None:
        """The last of it, once."""
        if self.state == "ended":
            return
        self.state = "ended"
        self._quiet()
        self.end = self.record.end(end)
        self._transfers.end()
        if self._offers is not None:
            self._offers.end()
        self._host.left(self)
        self._decided.set()
        self._is_over.set()
        if self.call.says_goodbye:
            self.call.on_goodbye = self._parted.set
        else:
            self._parted.set()
        self.news.tell(LegEnded(self.end))

    def hang_up(
        self,
        reason: str = "hung-up",
        detail: str = "",
        *,
        by: Blame = "us",
        header: str | None = None,
    ) -> None:
        """CANCEL, BYE or a refusal; safe to repeat. `header`: value of a Reason header."""
        if self.state == "ended" or self.record.why is not None:
            return
        if self.state != "answered" and reason == "hung-up":
            reason = "cancelled" if self.call.direction == "out" else "rejected"
        self._leave(Why(reason, detail, by))
        self.call.hang_up(self._host.now(), header)
        self._host.pump()

    def _progress(self, event: sip.Progress) -> None:
        if event.sdp is not None and self._negotiation is not None and self.media is not None:
            try:
                self.media.apply(self._negotiation.accept_answer(event.sdp), early=True)
            except (SdpError, NothingInCommon):
                event = sip.Progress(event.call, event.status, event.phrase, None)
        if self.state == "dialling":
            self.state = "ringing"
        self.record.rings()
        self.news.tell(Ringing(event.status, event.sdp is not None))

    def _they_answered(self, event: sip.Answered) -> None:
        assert self._negotiation is not None
        self.record.answered()
        if event.is_offer:
            self._use(event.sdp, self._answer_late)
        else:
            self._use(event.sdp, self._negotiation.accept_answer)
        if self.record.why is None:
            self._answer()

    def _answer_late(self, sdp: str) -> None:
        """We left the offer to them: our answer goes with the ACK."""
        assert self._negotiation is not None
        self.call.answer(self._negotiation.answer_to(sdp), self._host.now())
        self._host.flush()

    def _use(self, sdp: str, take: Callable[[str], object]) -> None:
        try:
            take(sdp)
        except (SdpError, NothingInCommon) as error:
            header = f'SIP;cause={error.sip_status};text="unusable session description"'
            detail = f"The far side's SDP cannot be used: {error}"
            self.hang_up("unusable-answer", detail, by="them", header=header)

    def _hang_up_without_session(self) -> None:
        """We offered in our 200, and their ACK had no answer."""
        if self.state == "answered" and self.negotiated is None:
            header = 'SIP;cause=488;text="no answer to the offer"'
            self.hang_up(
                "no-session", "The far side's ACK did not answer our offer.", header=header
            )

    def _answer(self) -> None:
        self.state = "answered"
        self.record.answered()
        self._talks = True
        self._too_long = asyncio.get_running_loop().call_later(self._max_duration, self._enough)
        self._decided.set()
        self.news.tell(Answered())
        self._changed()

    def _changed(self) -> None:
        """After each agreement: what the media does, and who holds."""
        negotiation = self._negotiation
        if negotiation is None or negotiation.current is None or self.media is None:
            return
        if self.state != "answered" or self.record.why is not None:
            return
        self.media.apply(negotiation.current)
        holding = {"us": negotiation.holds, "them": negotiation.remote_holds}
        for side in _SIDES:
            if self.record.holds.note(side, holds=holding[side], at=now()):
                self.news.tell(Held(side) if holding[side] else Resumed(side))

    def _asked_to_transfer(self, event: sip.ReferReceived) -> None:
        self._transfers.asked()
        if not self._accept_transfers:
            self._transfers.refuse(603)
        else:
            self.news.tell(TransferRequested(event.target, event.replaces))

    def _frame(self, pcm: bytes) -> None:
        if self.on_frame is not None:
            self.on_frame(pcm)

    def _silent(self) -> None:
        header = 'SIP;cause=408;text="no audio from the far side"'
        detail = "The far side sent no audio for too long."
        self.hang_up("media-timeout", detail, by="network", header=header)

    def _enough(self) -> None:
        header = 'Q.850;cause=102;text="longest duration reached"'
        self.hang_up("max-duration", "The call reached its longest duration.", header=header)

    def _leave(self, why: Why) -> None:
        """From here on we neither speak nor listen, whenever the far side confirms the end."""
        self.record.left(why)
        self._quiet()

    def _quiet(self) -> None:
        if self._too_long is not None:
            self._too_long.cancel()
        media = self.media
        if media is None or self._closing is not None:
            return
        self.record.quality = media.quality()
        media.close()
        self._closing = self._host.keep(media.aclose())

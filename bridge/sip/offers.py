"""Offers and answers inside a session, in both directions (RFC 6337): one at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.sip.message import Request
from bridge.sip.our_offers import OfferSource, OurOffers
from bridge.sip.their_offers import TheirOffers
from bridge.sip.transactions.server import ServerTransaction

if TYPE_CHECKING:
    from bridge.sip.call import Call

__all__ = ["OfferSource", "Offers"]


class Offers:
    def __init__(self, call: Call) -> None:
        self._call = call
        self.ours = OurOffers(call)
        self.theirs = TheirOffers(call)
        self.local: str | None = None
        """Our SDP as the session has it; a refresh says it again."""
        self.remote: str | None = None

    @property
    def is_busy(self) -> bool:
        setup = self._call.setup
        return self.ours.is_busy or self.theirs.is_busy or setup.awaits_answer or setup.awaits_ack

    def offer(self, sdp: OfferSource) -> None:
        self.ours.offer(sdp)

    def proceed(self) -> None:
        """Something is done: an offer of ours that waited may be made."""
        self.ours.proceed()

    def refresh(self) -> None:
        self.ours.refresh()

    def settled(self, ours: str | None = None, theirs: str | None = None) -> None:
        self.local, self.remote = ours or self.local, theirs or self.remote

    def asked(self, transaction: ServerTransaction, request: Request) -> None:
        self.theirs.asked(transaction, request)

    def answer(self, sdp: str) -> bool:
        """Whether there was an offer to answer."""
        return self.ours.answer(sdp) or self.theirs.answer(sdp)

    def refuse(self, status: int) -> None:
        if not self.ours.refuse():
            self.theirs.refuse(status)

    def acknowledge(self, ack: Request) -> bool:
        return self.theirs.acknowledge(ack)

    def stop(self) -> None:
        self.theirs.stop()
        self.ours.stop()

"""Reliable provisional answers (RFC 3262), on both sides."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from bridge.sip.bodies import SDP, sdp_if_any
from bridge.sip.core import Core, Hop, Timer
from bridge.sip.dialog import Dialog
from bridge.sip.events import OfferReceived
from bridge.sip.exchange import Exchange
from bridge.sip.message import Request, Response
from bridge.sip.transactions.server import ServerTransaction

if TYPE_CHECKING:
    from bridge.sip.call import Call

_MOST_FORKS = 8
_MOST_PRACKS = 64
_LARGEST = (1 << 31) - 1


class EarlyAnswers:
    """Of our INVITE: early dialogs by tag, their SDP, and a PRACK for what asks for one."""

    def __init__(self, call: Call) -> None:
        self.negotiated = False
        """Whether a reliable answer carried their offer, and our PRACK the answer."""
        self.answered = False
        """Whether a reliable answer brought SDP."""
        self._call = call
        self._pracks = 0
        self._dialogs: dict[str, Dialog] = {}
        self._sequence: dict[str, int] = {}
        self._sdp: dict[str, str] = {}
        self._offered: tuple[Dialog, str] | None = None

    def dialog(self, tag: str) -> Dialog | None:
        return self._dialogs.get(tag)

    def sdp(self, tag: str) -> str | None:
        """Also from an unreliable one: some gateways leave it out of their 200."""
        return self._sdp.get(tag)

    def received(self, response: Response, invite: Request, hop: Hop, offers: bool) -> bool:
        """Whether the answer is news; a repeated or overtaken reliable one is not. `offers`: the
        INVITE had no offer, so the first reliable SDP is one."""
        tag = response.head.to_tag
        reliable = "100rel" in [each.lower() for each in response.require]
        if not tag:
            return not reliable
        dialog = self._dialogs.get(tag)
        if dialog is None:
            if len(self._dialogs) >= _MOST_FORKS:
                self._call.core.drops["too-many-forks"] += 1
                return False
            dialog = self._dialogs[tag] = Dialog.of_answer(self._call.core, invite, response, hop)
        else:
            dialog.learn(response)
        sdp = sdp_if_any(response)
        if reliable:
            number, last = _sequence_of(response), self._sequence.get(tag)
            if number is None or (last is not None and number != last + 1):
                return False
            self._pracks += 1
            if self._pracks > _MOST_PRACKS:
                self._call.core.drops["too-many-pracks"] += 1
                return False
            self._sequence[tag] = number
        if sdp is not None:
            self._sdp[tag] = sdp
        if reliable:
            self.answered = self.answered or sdp is not None
            rack = f"{self._sequence[tag]} {invite.headers['CSeq']}"
            if sdp is not None and offers and not self.negotiated:
                self._offered = dialog, rack
                self._call.emit(OfferReceived(self._call, sdp))
            else:
                self._acknowledge(dialog, rack)
        return True

    def answer(self, sdp: str) -> bool:
        if self._offered is None:
            return False
        (dialog, rack), self._offered = self._offered, None
        self.negotiated = True
        self._acknowledge(dialog, rack, sdp)
        return True

    def stop(self) -> None:
        self._offered = None

    def _acknowledge(self, dialog: Dialog, rack: str, sdp: str | None = None) -> None:
        def prack() -> Request:
            made = dialog.request("PRACK", body=sdp)
            made.headers.set("RAck", rack)
            if sdp:
                made.headers.set("Content-Type", SDP)
            return made

        Exchange(self._call, prack, lambda response: None, hop=dialog.next_hop())


class ReliableAnswers:
    """Of their INVITE: each is sent again until its PRACK, the next one waits for it."""

    def __init__(self, core: Core, on_timeout: Callable[[], None]) -> None:
        self._core = core
        self._on_timeout = on_timeout
        self._sequence = core.ids.cseq()
        self._queue: list[tuple[ServerTransaction, Response]] = []
        self._overtaken: set[str] = set()
        """RAck of those that a final answer overtook: their PRACK may still come (section 3)."""
        self._timers: list[Timer] = []
        self._wait = 0.0

    @property
    def holds_sdp(self) -> bool:
        """Whether an answer with SDP waits for its PRACK: then the 2xx waits too (section 3)."""
        return any(response.body for _, response in self._queue)

    def send(self, transaction: ServerTransaction, response: Response) -> None:
        self._sequence += 1
        response.headers.set("Require", "100rel")
        response.headers.set("RSeq", str(self._sequence))
        self._queue.append((transaction, response))
        if len(self._queue) == 1:
            self._begin()

    def acknowledged(self, prack: Request) -> bool:
        """Whether the PRACK is for the answer that waits for it."""
        rack = " ".join((prack.headers.get("RAck") or "").split())
        if rack in self._overtaken:
            return True
        if not self._queue or rack != _rack(*self._queue[0]):
            return False
        self._queue.pop(0)
        self._cancel_timers()
        if self._queue:
            self._begin()
        return True

    def stop(self) -> None:
        """They are sent no more."""
        self._overtaken |= {_rack(*each) for each in self._queue}
        self._queue.clear()
        self._cancel_timers()

    def _begin(self) -> None:
        self._wait = self._core.timers.t1
        self._timers = [self._core.after(self._core.timers.timeout, self._given_up)]
        self._send()

    def _send(self) -> None:
        if self._queue:
            transaction, response = self._queue[0]
            transaction.respond(response)
            self._timers[1:] = [self._core.after(self._wait, self._send)]
            self._wait *= 2

    def _given_up(self) -> None:
        self.stop()
        self._on_timeout()

    def _cancel_timers(self) -> None:
        for timer in self._timers:
            timer.cancel()
        self._timers = []


def _sequence_of(response: Response) -> int | None:
    text = response.headers.get("RSeq") or ""
    valid = text.isascii() and text.isdigit() and len(text) < 11 and 0 < int(text) <= _LARGEST
    return int(text) if valid else None


def _rack(transaction: ServerTransaction, response: Response) -> str:
    number, method = transaction.request.headers["CSeq"].split()
    return f"{response.headers['RSeq']} {int(number)} {method}"

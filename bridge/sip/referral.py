"""Transfers: REFER both ways, and the NOTIFY that tell how the new call does (RFC 3515)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from bridge.sip.bodies import SIPFRAG, fragment_of
from bridge.sip.core import Timer
from bridge.sip.dialog import contact
from bridge.sip.events import ReferProgress, ReferReceived
from bridge.sip.exchange import Exchange
from bridge.sip.extra_headers import checked_address, checked_uri
from bridge.sip.grammar import NameAddress, Uri
from bridge.sip.message import Request, Response
from bridge.sip.replies import phrase_of
from bridge.sip.transactions.client import Failure
from bridge.sip.transactions.server import ServerTransaction

if TYPE_CHECKING:
    from bridge.sip.call import Call

_SUBSCRIPTION = 180.0
"""Seconds that a transfer of theirs may take before its subscription ends by itself."""


class Referral:
    def __init__(self, call: Call) -> None:
        self._call = call
        self._asked: tuple[ServerTransaction, Request] | None = None
        self._event: str | None = None
        """Of the subscription of theirs that runs: the value of Event."""
        self._last = 100
        self._count = 0
        self._timer: Timer | None = None
        self._notifying = False
        self._next: tuple[int, str, str] | None = None
        """The newest NOTIFY that waits for the answer to the one before: over UDP two at once
        may change places, and the elder would be the last word."""
        self._ours = False
        """Whether a REFER of ours is under way."""

    @property
    def under_way(self) -> bool:
        """A REFER of ours, not told to be over."""
        return self._ours

    def refer(
        self, target: str, referred_by: str | None, headers: Mapping[str, str] | None = None
    ) -> None:
        checked_uri(target)
        if self._ours:
            raise ValueError("A transfer is under way.")
        by = checked_address(referred_by) if referred_by else None

        def build() -> Request:
            made = self._call.request("REFER")
            for name, value in (headers or {}).items():
                made.headers.set(name, value)
            made.headers.set("Refer-To", f"<{target}>")
            if by:
                made.headers.set("Referred-By", by)
            return made

        self._ours = True
        Exchange(self._call, build, self._answered, self._failed)

    def notified(self, request: Request) -> int:
        """A NOTIFY; the status to answer with."""
        event = (request.headers.get("Event") or "").partition(";")[0].strip().lower()
        if event != "refer":
            return 489
        if not self._ours:
            return 481
        state = (request.headers.get("Subscription-State") or "active").lower()
        ended = state.partition(";")[0].strip() == "terminated"
        try:
            status, phrase = fragment_of(request)
        except ValueError:
            if not ended:
                return 400
            status, phrase = 0, ""
        self._tell(status, phrase, final=ended or status >= 200)
        return 200

    def _answered(self, response: Response) -> None:
        if response.code >= 300:
            self._tell(response.code, response.phrase, final=True)
            self._call.judge(response)
        elif (response.headers.get("Refer-Sub") or "").strip().lower() == "false":
            self._tell(response.code, response.phrase, final=True)

    def _failed(self, failure: Failure) -> None:
        self._tell(408 if failure == "timeout" else 503, "", final=True)

    def _tell(self, status: int, phrase: str, final: bool) -> None:
        if self._ours:
            self._ours = not final
            self._call.emit(ReferProgress(self._call, status, phrase, final))

    def asked(self, transaction: ServerTransaction, request: Request) -> int | None:
        """A REFER; the status to refuse it with, or None: our user decides."""
        targets = request.headers.getlist("Refer-To")
        if len(targets) != 1:
            return 400
        try:
            target = NameAddress.parse(targets[0]).uri
        except ValueError:
            return 400
        if not Uri.parse(target).is_sip:
            return 416
        if self._asked is not None or self._event is not None:
            return 491
        self._asked = transaction, request
        self._timer = self._call.core.after(self._call.core.timers.offer, lambda: self.refuse(500))
        replaces = "replaces=" in target.partition("?")[2].lower()
        self._call.emit(ReferReceived(self._call, target, replaces))
        return None

    def accept(self) -> None:
        if self._asked is None:
            raise ValueError("Nobody asked for a transfer.")
        (transaction, request), self._asked = self._asked, None
        self._stop_timer()
        quiet = (request.headers.get("Refer-Sub") or "").strip().lower() == "false"
        headers = {"Refer-Sub": "false"} if quiet else None
        response = self._call.respond(request, 202, headers=headers)
        response.headers.set("Contact", contact(self._call.core, request.flow.transport))
        transaction.respond(response)
        if quiet:
            return
        self._count += 1
        self._event = "refer" if self._count == 1 else f"refer;id={request.head.cseq}"
        self._last = 100
        self._timer = self._call.core.after(_SUBSCRIPTION, self._timed_out)
        self._notify(100, "", "active;expires=180")

    def refuse(self, status: int) -> None:
        if self._asked is None:
            return
        (transaction, request), self._asked = self._asked, None
        self._stop_timer()
        transaction.respond(self._call.respond(request, status))

    def notify(self, status: int, phrase: str) -> None:
        if self._event is None:
            return
        if status < 200:
            self._notify(status, phrase, "active;expires=180")
            return
        self._stop_timer()
        self._notify(status, phrase, "terminated;reason=noresource")

    def stop(self) -> None:
        if self._asked is not None:
            self.refuse(487)
        self._stop_timer()
        if self._next is not None and self._event is not None:
            self._send_notify(*self._next)
        self._event = self._next = None

    def _timed_out(self) -> None:
        self._notify(self._last, "", "terminated;reason=timeout")

    def _notify(self, status: int, phrase: str, state: str) -> None:
        if self._next is not None and self._next[2].startswith("terminated"):
            return
        self._last = status
        if self._notifying:
            self._next = status, phrase, state
        else:
            self._send_notify(status, phrase, state)

    def _notify_answered(self) -> None:
        self._notifying = False
        if self._next is not None and self._event is not None:
            waiting, self._next = self._next, None
            self._send_notify(*waiting)

    def _send_notify(self, status: int, phrase: str, state: str) -> None:
        event, self._notifying = self._event, True
        if state.startswith("terminated"):
            self._event = None
        body = f"SIP/2.0 {status} {phrase or phrase_of(status)}\r\n"

        def build() -> Request:
            made = self._call.request("NOTIFY", body, SIPFRAG)
            made.headers.set("Event", event or "refer")
            made.headers.set("Subscription-State", state)
            return made

        def answered(response: Response) -> None:
            if response.code == 481:
                self._event = None  # they want to hear no more of it (RFC 6665 section 4.2.2)
                self._stop_timer()
            if response.code >= 200:
                self._notify_answered()

        Exchange(self._call, build, answered, lambda failure: self._notify_answered())

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None

"""One call: an INVITE dialog and all that is done in it, outgoing or incoming."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Literal, Protocol

from bridge.sip.bodies import DTMF_RELAY, digit_body
from bridge.sip.connection import Connection
from bridge.sip.core import Core, Hop
from bridge.sip.dialog import Dialog
from bridge.sip.digest import Wallet
from bridge.sip.events import CallEnd, Ended, Event, Reattached
from bridge.sip.exchange import Exchange
from bridge.sip.extra_headers import checked, in_one_line
from bridge.sip.flow import Flow
from bridge.sip.message import Request, Response
from bridge.sip.offers import Offers, OfferSource
from bridge.sip.referral import Referral
from bridge.sip.replies import reply
from bridge.sip.session_timer import SessionTimer
from bridge.sip.settings import Credentials
from bridge.sip.transactions.client import Failure
from bridge.sip.transactions.layer import Transactions

if TYPE_CHECKING:
    from bridge.sip.setup_in import IncomingSetup
    from bridge.sip.setup_out import OutgoingSetup

CallState = Literal["calling", "ringing", "answered", "ending", "ended"]


class Directory(Protocol):
    """Who finds a call by its dialog."""

    def forget(self, call: Call) -> None: ...


class Call:
    """Methods do nothing on a call that has ended; those that make no sense now raise ValueError.

    Every `now` is the caller's clock in seconds, and never goes back.
    """

    direction: Literal["out", "in"]
    state: CallState
    """`answered` by the 2xx; `ending` while a CANCEL, or a BYE that waits for an ACK, is ours."""
    id: str
    """Ours, unique in this process and safe to log."""
    call_id: str
    """The Call-ID on the wire."""
    end: CallEnd | None
    remote: str
    """The far side's address as on the wire: `"name" <sip:…>;tag=…`."""
    remote_user: str
    """User part of the far side's URI: the number; empty without one."""
    target_user: str
    """User part of the Request-URI, the number that was dialled."""
    headers: Mapping[str, str]
    """The far side's, by lower-case name: of its INVITE, or of its 2xx."""

    def __init__(
        self,
        core: Core,
        registry: Transactions,
        directory: Directory,
        direction: Literal["out", "in"],
        number: int,
        credentials: Credentials | None = None,
    ) -> None:
        self.direction = direction
        self.state = "calling" if direction == "out" else "ringing"
        self.id = f"sip-{number}"
        self.call_id = self.local_tag = ""
        self.end = None
        self.remote = self.remote_user = self.target_user = ""
        self.headers = {}
        self.core = core
        self.registry = registry
        self.wallet = Wallet(credentials, core.ids)
        self.dialog: Dialog | None = None
        self.answered = False
        """Whether there was a 2xx, sent or received."""
        self.offers = Offers(self)
        self.session = SessionTimer(self)
        self.referral = Referral(self)
        self.setup: OutgoingSetup | IncomingSetup
        self._directory = directory
        self.connection = Connection(self)
        self.on_goodbye: Callable[[], None] | None = None
        """The far side confirmed our BYE, or never will. After the end, where `says_goodbye`."""
        self.says_goodbye = False
        self._bye_sent = False

    def __repr__(self) -> str:
        return f"Call({self.id}, {self.direction}, {self.state})"

    @property
    def flow(self) -> Flow | None:
        """Where the far side's last message came from; None while there is no connection."""
        return self.dialog.flow if self.dialog else None

    def ring(self, now: float, status: int = 180, sdp: str | None = None) -> None:
        """Incoming: a provisional answer, reliable where the far side requires it (RFC 3262).

        Who requires it and made no offer gets none without SDP of ours: it has to be the offer.
        """
        self.core.clock(now)
        if self.state == "ringing":
            self._incoming().ring(status, sdp)

    def accept(self, sdp: str, now: float, headers: Mapping[str, str] | None = None) -> None:
        """Incoming: 200 with our answer, or with our offer when they made none."""
        self.core.clock(now)
        if self.state == "ringing":
            self._incoming().accept(sdp, checked(headers))

    def reject(
        self, status: int, now: float, reason: str = "", headers: Mapping[str, str] | None = None
    ) -> None:
        """Incoming: a final answer of 300 to 699; `reason` replaces the usual phrase."""
        if not 300 <= status < 700:
            raise ValueError(f"{status} refuses nothing.")
        self.core.clock(now)
        if self.state == "ringing":
            self._incoming().reject(status, in_one_line(reason, "A phrase"), checked(headers))

    def hang_up(self, now: float, reason: str | None = None) -> None:
        """CANCEL, BYE, or 480 by the call's state; safe to repeat. `reason` is the value of a
        Reason header (RFC 3326), such as `SIP;cause=200;text="done"`."""
        self.core.clock(now)
        headers = checked({"Reason": reason} if reason else None)
        if self.state in ("ending", "ended"):
            return
        self.setup.hang_up(headers)

    def offer(self, sdp: OfferSource, now: float) -> None:
        """A re-INVITE: hold, resume. Waits its turn behind whatever offer is under way; of several
        that wait the last is made. A callable is asked when the offer is really made, and again
        after a 491: the session may be another one by then. None asks the far side for an offer,
        which comes as OfferReceived."""
        self.core.clock(now)
        if self._in_session("offer"):
            self.offers.offer(sdp)

    def answer(self, sdp: str, now: float) -> None:
        """The answer to OfferReceived, or to Answered with `is_offer`."""
        self.core.clock(now)
        if self.is_active and not self.setup.answer(sdp) and not self.offers.answer(sdp):
            raise ValueError("There is no offer to answer.")

    def refuse_offer(self, status: int, now: float) -> None:
        """The session stays as it was; 488 when nothing fits."""
        self.core.clock(now)
        if self.is_active:
            self.offers.refuse(status)

    def dtmf(self, digit: str, ms: int, now: float) -> None:
        """One digit by INFO (application/dtmf-relay)."""
        self.core.clock(now)
        body = digit_body(digit, ms)
        if self._in_session("send a digit"):
            Exchange(self, lambda: self.request("INFO", body, DTMF_RELAY), self.judge)

    def refer(
        self,
        target: str,
        now: float,
        referred_by: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Ask them to call `target` (a SIP URI); ReferProgress tells how that goes."""
        self.core.clock(now)
        if self._in_session("refer"):
            self.referral.refer(target, referred_by, checked(headers))

    def accept_refer(self, now: float) -> None:
        """202 and a first NOTIFY with 100; then tell the rest by `notify_refer`."""
        self.core.clock(now)
        if self.is_active:
            self.referral.accept()

    def notify_refer(self, status: int, now: float, phrase: str = "") -> None:
        """How the call to their target does; a final status ends the subscription."""
        self.core.clock(now)
        if self.is_active:
            self.referral.notify(status, in_one_line(phrase, "A phrase"))

    def refuse_refer(self, status: int, now: float) -> None:
        self.core.clock(now)
        if self.is_active:
            self.referral.refuse(status)

    # What follows is for the parts of this package.

    @property
    def is_active(self) -> bool:
        return self.state != "ended"

    @property
    def is_leaving(self) -> bool:
        return self.state in ("ending", "ended")

    def _incoming(self) -> IncomingSetup:
        if self.direction != "in":
            raise ValueError("Only an incoming call can be answered.")
        return self.setup  # type: ignore[return-value]

    def _in_session(self, what: str) -> bool:
        if self.is_leaving:
            return False
        if self.state != "answered":
            raise ValueError(f"Before the call is answered there is nothing to {what} in.")
        return True

    def emit(self, event: Event) -> None:
        """Nothing is told after the end."""
        if self.is_active:
            self.core.emit(event)

    def respond(self, request: Request, status: int, **given: object) -> Response:
        return reply(
            request,
            status,
            name=self.core.settings.name,
            tag=self.local_tag,
            **given,  # type: ignore[arg-type]
        )

    def request(self, method: str, body: str | None = None, kind: str = "") -> Request:
        """The next one in the dialog."""
        assert self.dialog is not None
        made = self.dialog.request(method, body=body)
        if body:
            made.headers.set("Content-Type", kind)
        return made

    def next_hop(self) -> Hop:
        assert self.dialog is not None
        return self.dialog.next_hop()

    def judge(self, response: Response) -> None:
        """Of any request in the dialog: 408 and 481 end it (RFC 3261 section 12.2.1.2)."""
        if self.setup.awaits_ack:
            return  # they may not have our 2xx yet
        if response.code in (408, 481) and self.state == "answered":
            self.leave(CallEnd("network", "dialog-lost", True, self.setup.status))

    def leave(self, end: CallEnd, headers: Mapping[str, str] | None = None) -> None:
        """BYE and the end of the call; the BYE's fate changes nothing about it (15.1.1)."""
        if self.dialog is not None and not self._bye_sent:
            self._bye_sent = True
            reason = dict(headers or {})

            def bye() -> Request:
                made = self.request("BYE")
                for name, value in reason.items():
                    made.headers.set(name, value)
                return made

            self.says_goodbye = True
            self.finish(end)
            Exchange(self, bye, self._goodbye, self._goodbye)
        self.finish(end)

    def _goodbye(self, outcome: Response | Failure) -> None:
        if isinstance(outcome, Response) and outcome.code < 200:
            return
        self.says_goodbye = False
        if self.on_goodbye is not None:
            self.on_goodbye()

    def finish(self, end: CallEnd) -> None:
        """The one end. The call is remembered a while for what is still on its way."""
        if not self.is_active:
            return
        self.end = end
        self.core.emit(Ended(self, end))
        self.state = "ended"
        self.connection.stop()
        self.offers.stop()
        self.session.stop()
        self.referral.stop()
        self.setup.stop()
        self.core.after(self.core.timers.timeout, lambda: self._directory.forget(self))

    def another_way(self) -> Hop | None:
        """The connection that the far side uses, when the way that its Contact names is none."""
        if self.dialog is None or self.dialog.flow is None:
            return None
        self.dialog.contact_is_dead = True
        return Hop.back(self.dialog.flow)

    def heard(self, flow: Flow) -> None:
        """A sign of life of the far side, on this connection."""
        if self.dialog is not None:
            self.dialog.heard(flow)
        if self.connection.found():
            self.emit(Reattached(self))

    def flow_lost(self, flow: Flow) -> None:
        if self.dialog is not None:
            is_cut = self.dialog.lost(flow) and self.dialog.flow is None
        else:
            is_cut = self.setup.uses(flow)
        if is_cut and self.is_active:
            self.connection.lost()

"""The INVITE of an outgoing call: to its answer, refusal, or withdrawal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from bridge.sip.bodies import SDP, sdp_if_any, sdp_of
from bridge.sip.call import Call
from bridge.sip.core import Hop, Timer
from bridge.sip.dialog import Dialog, contact, via
from bridge.sip.events import Answered, CallEnd, Progress
from bridge.sip.exchange import Exchange
from bridge.sip.flow import Flow
from bridge.sip.message import Request, Response, by_name
from bridge.sip.refusals import TRULY_THEIRS, reason_of
from bridge.sip.reliable import EarlyAnswers
from bridge.sip.replies import ACCEPT, ALLOW, SUPPORTED
from bridge.sip.transactions.client import Failure

_MOST_ACKS = 16


@dataclass(frozen=True, slots=True)
class Dialled:
    target: str
    hop: Hop
    from_: str
    to: str
    offer: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    ringing_timeout: float | None = None


class OutgoingSetup:
    def __init__(self, call: Call, dialled: Dialled) -> None:
        self.status: int | None = None
        self._call = call
        self._dialled = dialled
        self._cseq = call.core.ids.cseq()
        self._early = EarlyAnswers(call)
        self._acks: dict[str, tuple[bytes, Hop]] = {}
        """Sent, by the To tag of the 2xx that they answer: each is sent again for its 2xx."""
        self._withdrawn = ""
        """Why we cancelled: a reason of CallEnd."""
        self._offered: Response | None = None
        """The 2xx with their offer, whose ACK waits for our answer."""
        self._timer: Timer | None = None
        if dialled.ringing_timeout is not None:
            self._timer = call.core.after(dialled.ringing_timeout, self._rang_enough)
        self._exchange: Exchange

    def start(self) -> None:
        self._exchange = Exchange(
            self._call, self._build, self._received, self._failed, self._dialled.hop
        )

    def hang_up(self, headers: Mapping[str, str], why: str = "cancelled") -> None:
        call = self._call
        if call.answered:
            if self._offered is not None:
                self._acknowledge(self._offered)
            call.leave(CallEnd("us", "hung-up", True, self.status), headers)
            return
        call.state = "ending"
        self._withdrawn = why
        self._exchange.cancel(dict(headers))
        if self.is_unheard:
            # There is nobody to send a CANCEL to (9.1), and perhaps nobody at all.
            self._stop_timer()
            self._timer = call.core.after(call.core.timers.t4, self._never_heard)

    def answer(self, sdp: str) -> bool:
        if self._offered is None:
            return self._early.answer(sdp)
        offered, self._offered = self._offered, None
        self._acknowledge(offered, sdp)
        self._call.offers.settled(ours=sdp, theirs=sdp_of(offered))
        return True

    @property
    def awaits_answer(self) -> bool:
        return self._offered is not None

    @property
    def awaits_ack(self) -> bool:
        return False

    def acknowledge(self, ack: Request) -> bool:
        return False

    def prack(self, request: Request) -> int:
        return 481

    def withdraw(self) -> None:
        """Their BYE before their answer: there is nothing of theirs to take back."""

    def uses(self, flow: Flow) -> bool:
        hop = self._exchange.transaction.hop
        return hop.flow == flow or (hop.transport, hop.destination) == (flow.transport, flow.remote)

    @property
    def we_owe_an_answer(self) -> bool:
        return False

    @property
    def is_unheard(self) -> bool:
        """Whether nobody said anything about the INVITE yet."""
        return self._exchange.transaction.state == "calling"

    def give_up(self, end: CallEnd) -> None:
        """The connection did not come back: CANCEL by a new one. A late 2xx is hung up at once."""
        self._withdrawn = self._withdrawn or end.reason
        self._exchange.cancel()
        self._call.finish(end)

    def stop(self) -> None:
        self._stop_timer()
        self._early.stop()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None

    def _never_heard(self) -> None:
        """A late answer gets its CANCEL, or ACK and BYE."""
        if not self.is_unheard:
            return
        if self._withdrawn == "cancelled":
            self._call.finish(CallEnd("us", "cancelled", False))
        else:
            self._call.finish(CallEnd("network", "no-response", False))

    def early_dialog(self, remote_tag: str) -> Dialog | None:
        return self._early.dialog(remote_tag)

    @property
    def they_owe_an_answer(self) -> bool:
        """To our offer, by a reliable provisional answer or the 2xx."""
        return self._dialled.offer is not None and not self._early.answered

    def stray(self, response: Response) -> None:
        """A 2xx after its transaction (RFC 6026 section 7.2)."""
        if response.head.via.branch == self._exchange.transaction.branch:
            self._success(response)

    def _build(self) -> Request:
        call, dialled = self._call, self._dialled
        core, transport = call.core, dialled.hop.transport
        self._cseq += 1
        made = Request("INVITE", dialled.target, (dialled.offer or "").encode())
        headers = made.headers
        headers.set("Via", via(core, transport, core.ids.branch()))
        headers.set("Max-Forwards", "70")
        headers.set("From", f"{dialled.from_};tag={call.local_tag}")
        headers.set("To", dialled.to)
        headers.set("Call-ID", call.call_id)
        headers.set("CSeq", f"{self._cseq} INVITE")
        headers.set("Contact", contact(core, transport))
        headers.set("Allow", ALLOW)
        headers.set("Supported", SUPPORTED)
        headers.set("Accept", ACCEPT)
        headers.set("User-Agent", core.settings.name)
        for name, value in {**call.session.request_headers(), **dialled.headers}.items():
            headers.set(name, value)
        if dialled.offer:
            headers.set("Content-Type", SDP)
        return made

    def _received(self, response: Response) -> None:
        if response.code < 200:
            if response.code > 100:
                self._provisional(response)
        elif response.code < 300:
            self._success(response)
        elif not (
            response.code == 422
            and not self._withdrawn
            and self._exchange.may_try_again
            and self._call.session.raise_interval(response)
        ):
            self._refused(response)
        else:
            self._exchange.again()

    def _provisional(self, response: Response) -> None:
        call = self._call
        if call.answered or not call.is_active:
            return
        request, hop = self._exchange.request, self._exchange.transaction.hop
        is_news = self._early.received(response, request, hop, self._dialled.offer is None)
        if not is_news or call.state == "ending":
            return
        call.state = "ringing"
        call.emit(Progress(call, response.code, response.phrase, sdp_if_any(response)))

    def _success(self, response: Response) -> None:
        call, tag = self._call, response.head.to_tag
        if tag in self._acks:
            call.core.send(self._acks[tag][1], self._acks[tag][0])
            return
        if call.dialog is not None:
            if tag != call.dialog.remote_tag:
                self._decline_fork(response)
            return
        dialog = self._dialog_of(response)
        if not call.is_active:
            self._decline_fork(response)
            return
        self.stop()
        call.dialog, call.answered, self.status = dialog, True, response.code
        call.remote = dialog.remote
        call.headers = by_name(response)
        sdp = sdp_if_any(response) or self._early.sdp(tag)
        if self._withdrawn:
            # Our CANCEL came too late (9.1): they did answer, and we hang up.
            self._acknowledge(response)
            call.leave(CallEnd("us", self._withdrawn, True, response.code))
        elif sdp is None:
            self._acknowledge(response)
            call.leave(CallEnd("them", "no-session", True, response.code))
        else:
            self._answered(response, sdp)

    def _answered(self, response: Response, sdp: str) -> None:
        call, offer = self._call, self._dialled.offer
        is_offer = offer is None and not self._early.negotiated
        if is_offer:
            self._offered = response
        else:
            self._acknowledge(response)
        call.state = "answered"
        call.session.answered(response)
        if offer is not None:
            call.offers.settled(ours=offer, theirs=sdp)
        call.emit(Answered(call, sdp, is_offer))

    def _dialog_of(self, response: Response) -> Dialog:
        """Made anew by the 2xx, also after an early one (13.2.2.4)."""
        dialog = Dialog.of_answer(
            self._call.core, self._exchange.request, response, self._exchange.transaction.hop
        )
        if early := self._early.dialog(response.head.to_tag):
            dialog.local_cseq = max(dialog.local_cseq, early.local_cseq)
            dialog.remote_cseq = early.remote_cseq
        return dialog

    def _acknowledge(self, response: Response, sdp: str | None = None) -> None:
        dialog = self._call.dialog
        assert dialog is not None
        self._send_ack(dialog, response, sdp)

    def _send_ack(self, dialog: Dialog, response: Response, sdp: str | None) -> None:
        """With the INVITE's number and credentials (13.2.2.4, 22.1)."""
        self._offered = None
        ack = dialog.request("ACK", response.head.cseq, sdp)
        if sdp:
            ack.headers.set("Content-Type", SDP)
        for name in ("Authorization", "Proxy-Authorization"):
            if values := self._exchange.request.headers.getlist(name):
                ack.headers.setlist(name, values)
        hop = dialog.next_hop()
        if len(self._acks) < _MOST_ACKS:
            self._acks[dialog.remote_tag] = bytes(ack), hop
        self._call.core.send(hop, bytes(ack))

    def _decline_fork(self, response: Response) -> None:
        """Another 2xx of the same INVITE, or one after the end: ACK and BYE (13.2.2.4)."""
        if len(self._acks) >= _MOST_ACKS:
            self._call.core.drops["too-many-forks"] += 1
            return
        dialog = self._dialog_of(response)
        self._send_ack(dialog, response, None)
        Exchange(
            self._call,
            lambda: dialog.request("BYE"),
            lambda answer: None,
            hop=dialog.next_hop(),
        )

    def _refused(self, response: Response) -> None:
        call, code = self._call, response.code
        self.status = code
        theirs = response.headers.get("Reason")
        if self._withdrawn and code not in TRULY_THEIRS:
            end = CallEnd("us", self._withdrawn, False, code, response.phrase, theirs)
        else:
            end = CallEnd("them", reason_of(code), False, code, response.phrase, theirs)
        call.finish(end)

    def _failed(self, failure: Failure) -> None:
        if self._withdrawn:
            self._call.finish(CallEnd("us", self._withdrawn, False))
        else:
            reason = "no-response" if failure == "timeout" else "unreachable"
            self._call.finish(CallEnd("network", reason, False))

    def _rang_enough(self) -> None:
        if self._call.state in ("calling", "ringing"):
            self.hang_up({"Reason": 'SIP;cause=480;text="No answer"'}, "no-answer")

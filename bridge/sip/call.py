"""One call: an INVITE dialog and all that is done in it, outgoing or incoming."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from bridge.sip.events import CallEnd
from bridge.sip.flow import Flow

CallState = Literal["calling", "ringing", "answered", "ending", "ended"]


class Call:
    """Methods do nothing on a call that has ended; those that make no sense now raise ValueError.

    Every `now` is the caller's clock in seconds, and never goes back.
    """

    direction: Literal["out", "in"]
    state: CallState
    """`answered` is reached by the 2xx; `ending` while a CANCEL or BYE of ours is on its way."""
    id: str
    """Ours, unique in this process and safe to log."""
    call_id: str
    """The Call-ID on the wire."""
    end: CallEnd | None
    local: str
    """Our address in the dialog as on the wire, without tag: `"name" <sip:…>` or a URI."""
    remote: str
    remote_user: str
    """User part of the far side's URI: the number; empty without one."""
    target_user: str
    """Incoming: user part of the Request-URI, the number that was dialled."""
    headers: Mapping[str, str]
    """Incoming: the INVITE's headers by lower-case name. Outgoing: those of the 2xx."""
    flow: Flow | None
    """Where the far side's last message came from; None while there is no connection."""

    def ring(self, now: float, status: int = 180, sdp: str | None = None) -> None:
        """Incoming: a provisional answer, reliable where the far side requires it (RFC 3262)."""
        raise NotImplementedError

    def accept(self, sdp: str, now: float, headers: Mapping[str, str] | None = None) -> None:
        """Incoming: 200 with our answer, or with our offer when they made none."""
        raise NotImplementedError

    def reject(
        self, status: int, now: float, reason: str = "", headers: Mapping[str, str] | None = None
    ) -> None:
        """Incoming: a final answer of 300 to 699; `reason` replaces the usual phrase."""
        raise NotImplementedError

    def hang_up(self, now: float, reason: str | None = None) -> None:
        """CANCEL, BYE, or 480 by the call's state; safe to repeat. `reason` is the value of a
        Reason header (RFC 3326), such as `SIP;cause=200;text="done"`."""
        raise NotImplementedError

    def offer(self, sdp: str | None, now: float) -> None:
        """A re-INVITE: hold, resume. Waits its turn behind whatever offer is under way; of several
        that wait the last is made. None asks the far side for an offer."""
        raise NotImplementedError

    def answer(self, sdp: str, now: float) -> None:
        """The answer to OfferReceived, or to Answered with `is_offer`."""
        raise NotImplementedError

    def refuse_offer(self, status: int, now: float) -> None:
        """The session stays as it was; 488 when nothing fits."""
        raise NotImplementedError

    def dtmf(self, digit: str, ms: int, now: float) -> None:
        """One digit by INFO (application/dtmf-relay)."""
        raise NotImplementedError

    def refer(self, target: str, now: float, referred_by: str | None = None) -> None:
        """Ask them to call `target` (a SIP URI); ReferProgress tells how that goes."""
        raise NotImplementedError

    def accept_refer(self, now: float) -> None:
        """202 and a first NOTIFY with 100; then tell the rest by `notify_refer`."""
        raise NotImplementedError

    def notify_refer(self, status: int, now: float, phrase: str = "") -> None:
        """How the call to their target does; a final status ends the subscription."""
        raise NotImplementedError

    def refuse_refer(self, status: int, now: float) -> None:
        raise NotImplementedError

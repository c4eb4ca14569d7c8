"""What a user agent is told at its start."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from bridge.sip.flow import Address, Flow, Transport


@dataclass(frozen=True, slots=True)
class Timers:
    """RFC 3261 section 17 and table 4; all in seconds."""

    t1: float = 0.5
    """Round trip estimate."""
    t2: float = 4.0
    """Longest wait between two retransmissions of a non-INVITE request or a response."""
    t4: float = 5.0
    """Longest life of a message in the network."""
    trying: float = 0.2
    """After this an INVITE without any answer of ours gets its 100 (section 17.2.1)."""
    ringing_again: float = 60.0
    """A provisional answer is repeated this often, lest proxies give up (section 13.3.1.1)."""
    offer: float = 20.0
    """Nobody of ours answered an offer in a dialog: 500; our re-INVITE still rings: CANCEL."""
    lost_flow: float = 30.0
    """How long a dialog without its connection waits for the far side to come back."""
    probe: float = 10.0
    """After this a dialog without its connection asks for the far side by OPTIONS."""

    @property
    def timeout(self) -> float:
        """Timers B, F, H, L, M, and how long an ended call is remembered: 64 * T1."""
        return 64 * self.t1


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who we are to those who ask by 401 or 407."""

    username: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Challenge:
    """Callers must know a password (RFC 3261 section 22, RFC 8760)."""

    realm: str
    passwords: Mapping[str, str] = field(repr=False)
    """By user name."""
    algorithms: tuple[str, ...] = ("SHA-256", "MD5")
    nonce_lifetime: float = 300.0
    """Seconds; an older nonce is answered with stale=true and a new one."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Memory is bounded by these; what is over them is refused with 503 and counted."""

    calls: int = 2_000
    calls_per_peer: int = 500
    """Per address of a peer, without its port."""
    transactions: int = 20_000
    transactions_per_peer: int = 4_000
    outbox_bytes: int = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class UserAgentSettings:
    contacts: Mapping[Transport, Address]
    """The address, as peers reach us, per transport that is listened on."""
    name: str = "Switchboard"
    """Goes into User-Agent and Server."""
    user: str = "switchboard"
    """User part of our Contact."""
    timers: Timers = Timers()
    limits: Limits = Limits()
    challenge: Challenge | None = None
    may_call: Callable[[Flow], bool] = lambda flow: True
    """Whether a caller from there is let in at all; else 403."""
    answer_patience: float = 180.0
    """Seconds an incoming call may ring before it is refused with 480."""
    largest_datagram: int = 1300
    """Bytes; a longer request goes by TCP where that is listened on (18.1.1), and by UDP after all
    when nobody takes the connection."""
    session_expires: int | None = None
    """Seconds, asked for by our INVITE (RFC 4028); None: session timers only when they ask."""
    min_session: int = 90
    """Seconds; a shorter Session-Expires is refused with 422 (RFC 4028 section 4)."""
    reliable_provisionals: bool = False
    """Send 101 to 199 reliably to whoever supports 100rel; where it is required we always do."""

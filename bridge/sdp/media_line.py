"""One `m=` section of a description (RFC 8866 section 5.14), and what else is told by name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from bridge.sdp.codecs import Format
from bridge.sdp.crypto import Crypto
from bridge.sdp.directions import Direction, direction_of, receives, sends


class MediaAddress(NamedTuple):
    host: str
    port: int


class Origin(NamedTuple):
    """`o=`: the session's name by its maker, and the version of what is said about it."""

    username: str
    session_id: int
    version: int
    address: str


@dataclass(frozen=True, slots=True)
class MediaLine:
    """One `m=` section; what it does not say itself is the session's (RFC 8866 section 5)."""

    kind: str
    port: int  # 0 = refused or ended
    protocol: str
    formats: tuple[str, ...]  # as written
    connection: str | None = None  # an IP address, not yet looked at
    direction: Direction = "sendrecv"
    described: tuple[Format, ...] = ()  # in the order of `formats`; what has no name is left out
    ptime: int | None = None  # ms
    maxptime: int | None = None  # ms
    rtcp: tuple[int, str | None] | None = None  # RFC 3605: port, and address where it differs
    rtcp_mux: bool = False  # RFC 5761
    cryptos: tuple[Crypto, ...] = ()
    crypto_faults: tuple[str, ...] = ()  # why the others of its crypto lines are of no use

    @property
    def is_on_hold(self) -> bool:
        """Their address is 0.0.0.0, which is hold as of RFC 2543 (RFC 3264 section 8.4)."""
        return self.connection in ("0.0.0.0", "::")

    @property
    def effective_direction(self) -> Direction:
        if not self.is_on_hold:
            return self.direction
        return direction_of(sending=sends(self.direction), receiving=False)

    @property
    def receives(self) -> bool:
        return receives(self.effective_direction)

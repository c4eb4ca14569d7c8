"""The media of one call on its sockets."""

from __future__ import annotations

from collections.abc import Callable

from bridge.rtp.ports import PortRange
from bridge.rtp.quality import Quality
from bridge.sdp import Negotiated


class MediaSession:
    """Plays PCM to the other side and gives what it says, 20 ms at a time (16 bit, mono).

    Callbacks are called in the event loop, and must not block:
    """

    on_frame: Callable[[bytes], None] | None = None
    """20 ms of PCM at `sample_rate`, on our clock, while we receive; silence where there is none."""
    on_dtmf: Callable[[str, int], None] | None = None
    """A digit was dialled (RFC 4733): the digit and its length in ms. Once for each press."""
    on_timeout: Callable[[], None] | None = None
    """Nothing came for `timeout` seconds though it was due. Once, and anew after each apply()."""
    source: Callable[[], bytes | None] | None = None
    """Asked for 20 ms of PCM every 20 ms when nothing is queued by play(); None: silence.
    It is asked also while nothing may be sent: a live source does not run behind after it."""

    @classmethod
    async def open(cls, ports: PortRange, host: str, *, timeout: float = 15.0) -> MediaSession:
        """Binds a pair of ports at `host`; sends and hears nothing before apply().

        Raises PortsExhausted, or OSError when `host` is no address of this machine.
        """
        raise NotImplementedError

    local_port: int

    @property
    def sample_rate(self) -> int:
        """Hz, of PCM both ways: 8000, or 16000 with G722. May change with apply()."""
        raise NotImplementedError

    def apply(self, negotiated: Negotiated, *, early: bool = False) -> None:
        """After every offer and answer: codec, where to, who sends, keys. The source of their
        packets is learned anew. `early`: not answered yet, so that silence is no timeout."""
        raise NotImplementedError

    def play(self, pcm: bytes) -> None:
        """Queues PCM of any length. Time goes on while nothing may be sent: what falls into a hold
        is not said later. Raises ValueError for half a sample or more than ten minutes queued."""
        raise NotImplementedError

    def stop_playing(self) -> None:
        """Forgets what is queued (barge-in)."""
        raise NotImplementedError

    @property
    def queued_ms(self) -> int:
        raise NotImplementedError

    async def played(self) -> None:
        """Returns when all that was queued is sent."""
        raise NotImplementedError

    @property
    def can_send_dtmf(self) -> bool:
        """The other side takes telephone events (else: SIP INFO)."""
        raise NotImplementedError

    def send_dtmf(self, digits: str, *, tone_ms: int = 100, gap_ms: int = 100) -> None:
        """0-9 * # A-D, `w` waits half a second. Queued behind earlier digits; audio pauses.

        Raises ValueError for anything else, or when the other side takes no telephone events.
        """
        raise NotImplementedError

    def quality(self) -> Quality:
        raise NotImplementedError

    async def aclose(self) -> None:
        """RTCP BYE, and the ports rest. Safe to repeat."""
        raise NotImplementedError

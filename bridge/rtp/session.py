"""The media of one call on its sockets."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Callable
from typing import cast

from bridge.rtp.dtmf import Digit
from bridge.rtp.media import Datagram, Media
from bridge.rtp.ports import PortRange
from bridge.rtp.quality import Quality
from bridge.rtp.ticker import INTERVAL, Ticker
from bridge.sdp import MediaAddress, Negotiated

Tap = Callable[[bool, bytes, MediaAddress, MediaAddress], None]
"""(sent by us, the datagram as on the wire, our address, theirs)"""

_STEP = 0.001  # s
_LATE = 0.004  # s: a tick that much later than due
_READING = 0.001  # s
_CROWDED = 1.0  # s
_IN_STEP = 0.0015  # s from the best moment: nothing is moved

log = logging.getLogger(__name__)


class MediaSession:
    """Plays PCM to the other side and gives what it says, 20 ms at a time (16 bit, mono).

    Callbacks run in the event loop, on the ticker's time: they must not block. None comes after
    close().
    """

    def __init__(self, ports: PortRange, host: str, port: int, media: Media) -> None:
        """Use open()."""
        self.on_frame: Callable[[bytes], None] | None = None
        """20 ms of PCM at `sample_rate`, on our clock, while we receive; silence where none is."""
        self.on_dtmf: Callable[[str, int], None] | None = None
        """A digit was dialled (RFC 4733): the digit and its length in ms. Once for each press."""
        self.on_timeout: Callable[[], None] | None = None
        """Nothing came for `timeout` seconds though it was due. Once, and anew after apply()."""
        self.tap: Tap | None = None
        """Sees every datagram, before anything is checked."""
        self.muted = False
        """Not a packet leaves, no RTCP either: a side that went dead. Time goes on."""
        self.local_port = port
        self._local = (MediaAddress(host, port), MediaAddress(host, port + 1))
        self._ports = ports
        self._media = media
        self._clock = time.monotonic
        self._loop = asyncio.get_running_loop()
        self._ticker = Ticker.of_loop()
        self._sockets: list[_Socket] = []
        self._waiting: list[asyncio.Future[None]] = []
        self._put_off: tuple[float, int] | None = None  # a tick that waits for what came before it
        self._crowded_until = 0.0  # s
        self._closed = False

    @classmethod
    async def open(cls, ports: PortRange, host: str, *, timeout: float = 15.0) -> MediaSession:
        """Binds a pair of ports at `host`; sends and hears nothing before apply().

        `timeout` in seconds. Raises PortsExhausted, or OSError when `host` is no address here.
        """
        pair = ports.take(host)
        session = cls(ports, host, pair.port, Media(timeout=timeout))
        loop = asyncio.get_running_loop()
        try:
            for index, bound in enumerate((pair.rtp, pair.rtcp)):
                _, protocol = await loop.create_datagram_endpoint(
                    lambda index=index: _Socket(session, index),  # type: ignore[misc]
                    sock=bound,
                )
                session._sockets.append(protocol)
        except BaseException:
            session.close()
            pair.close()
            raise
        return session

    @property
    def sample_rate(self) -> int:
        """Hz, of PCM both ways: 8000, or 16000 with G722. May change with apply()."""
        return self._media.speaker.sample_rate

    @property
    def remote(self) -> MediaAddress | None:
        """Where our packets go."""
        latch = self._media.listener.latch
        return latch.remote if latch else None

    @property
    def source(self) -> Callable[[], bytes | None] | None:
        """Asked for 20 ms of PCM every 20 ms when nothing is queued by play(); None: silence.

        It is asked also while nothing may be sent: a live source does not run behind after it.
        """
        return self._media.speaker.source

    @source.setter
    def source(self, source: Callable[[], bytes | None] | None) -> None:
        self._media.speaker.source = source

    def apply(self, negotiated: Negotiated, *, early: bool = False) -> None:
        """After every offer and answer: codec, where to, who sends, keys. The source of their
        packets is learned anew. `early`: not answered yet, so that silence is no timeout."""
        if self._closed:
            return
        begins = self._media.negotiated is None
        self._media.apply(negotiated, self._clock(), early=early)
        if begins:
            self._ticker.add(self._say)
            self._ticker.add(self._hear)

    def play(self, pcm: bytes) -> None:
        """Queues PCM of any length. Time goes on while nothing may be sent: what falls into a hold
        is not said later. Raises ValueError for half a sample or more than ten minutes queued."""
        self._media.speaker.play(pcm)

    def stop_playing(self) -> None:
        """Forgets what is queued (barge-in)."""
        self._media.speaker.stop_playing()

    @property
    def queued_ms(self) -> int:
        return self._media.speaker.queued_ms

    async def played(self) -> None:
        """Returns when all that was queued is sent, or the session is closed."""
        if self.queued_ms and not self._closed:
            waiting = asyncio.get_running_loop().create_future()
            self._waiting.append(waiting)
            await waiting

    @property
    def can_send_dtmf(self) -> bool:
        """The other side takes telephone events (else: SIP INFO)."""
        negotiated = self._media.negotiated
        return negotiated is not None and negotiated.dtmf is not None

    def send_dtmf(self, digits: str, *, tone_ms: int = 100, gap_ms: int = 100) -> None:
        """0-9 * # A-D, `w` waits half a second. Queued behind earlier digits; audio pauses.

        Raises ValueError for anything else, or when the other side takes no telephone events.
        """
        if not self.can_send_dtmf:
            raise ValueError("The other side takes no telephone events.")
        self._media.speaker.dtmf.add(digits, tone_ms=tone_ms, gap_ms=gap_ms)

    def quality(self) -> Quality:
        """So far; also after close()."""
        return self._media.quality()

    def close(self) -> None:
        """From now on silent: no packet after an RTCP BYE, no callback. The ports rest."""
        if self._closed:
            return
        self._send(self._media.farewell())
        self._closed = True
        self._ticker.remove(self._say)
        self._ticker.remove(self._hear)
        for opened in self._sockets:
            opened.close()
        self._ports.give_back(self.local_port)
        self._release()

    async def aclose(self) -> None:
        """close(), and wait until the sockets are. Safe to repeat."""
        self.close()
        for opened in self._sockets:
            if opened.is_open:
                await opened.closed

    # On the schedule's time: a tick that comes late is no packet that came early. There are two of
    # them, as only hearing follows the other side's clock: two sessions that followed each other
    # with what they send would run away together.

    def _say(self, due: float, missed: int) -> None:
        self._send(self._media.say(due, missed))
        if self._waiting and not self.queued_ms:
            self._release()

    def _hear(self, due: float, missed: int) -> None:
        self._hear_what_was_put_off()
        if self._clock() - due > _LATE:  # what came meanwhile is read first: timers do not wait
            self._put_off = (due, missed)
            self._loop.call_later(_READING, self._hear_what_was_put_off)
        else:
            self._hear_now(due, missed)

    def _hear_what_was_put_off(self) -> None:
        tick, self._put_off = self._put_off, None
        if tick is not None and not self._closed:
            self._hear_now(*tick)

    def _hear_now(self, due: float, missed: int) -> None:
        heard, digits = self._media.hear(due, missed)
        for pcm in heard:
            if self.on_frame is not None and not self._closed:
                self.on_frame(pcm)
        self._dialled(digits)
        self._keep_step(due)
        if self._media.is_silent(due) and self.on_timeout is not None and not self._closed:
            self.on_timeout()

    def _keep_step(self, due: float) -> None:
        """With the sender's clock, a millisecond a tick: nobody hears that."""
        off = self._media.phase
        if abs(off) <= _IN_STEP or self._closed or due < self._crowded_until:
            return
        if not self._ticker.move(self._hear, due + INTERVAL - math.copysign(_STEP, off)):
            self._crowded_until = due + _CROWDED  # too many are heard at that moment

    def _received(self, data: bytes, source: MediaAddress, index: int) -> None:
        if self._closed:
            return
        if self.tap is not None:
            self.tap(False, data, self._local[index], source)
        self._dialled(self._media.receive(data, source, self._clock()))
        if self._media.begins_at is not None:
            self._ticker.move(self._hear, self._media.begins_at)

    def _dialled(self, digits: list[Digit]) -> None:
        for digit, ms in digits:
            if self.on_dtmf is not None and not self._closed:
                self.on_dtmf(digit, ms)

    def _send(self, datagrams: list[Datagram]) -> None:
        for datagram in datagrams:
            index = int(datagram.is_rtcp)
            if self._closed or self.muted or len(self._sockets) <= index:
                return
            if self.tap is not None:
                self.tap(True, datagram.data, self._local[index], datagram.to)
            self._sockets[index].send(datagram)

    def _release(self) -> None:
        for waiting in self._waiting:
            if not waiting.done():
                waiting.set_result(None)
        self._waiting.clear()


class _Socket(asyncio.DatagramProtocol):
    def __init__(self, session: MediaSession, index: int) -> None:
        self._session = session
        self._index = index
        self._transport: asyncio.DatagramTransport | None = None
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @property
    def is_open(self) -> bool:
        return self._transport is not None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._session._received(data, MediaAddress(addr[0], addr[1]), self._index)

    def error_received(self, exc: Exception) -> None:
        """ICMP: nobody listens there (yet). Media goes on, its timeout decides."""

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.closed.done():
            self.closed.set_result(None)

    def send(self, datagram: Datagram) -> None:
        if self._transport is not None:
            try:
                self._transport.sendto(datagram.data, datagram.to)
            except (OSError, ValueError) as error:
                log.debug("a packet could not be sent: %s", error)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

"""Two media sessions on real sockets that have agreed with each other."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from bridge.rtp import MediaSession
from bridge.sdp import PCMU, Codec, LocalMedia, MediaAddress, Negotiation, SrtpPolicy
from tests.bridge.impairing_proxy import ImpairingProxy
from tests.bridge.ports import audio_ports

HOST = "127.0.0.1"
PORTS = audio_ports(rest=1.0)


class End:
    def __init__(self, media: MediaSession, codecs: tuple[Codec, ...], srtp: SrtpPolicy) -> None:
        self.media = media
        self.negotiation = Negotiation(LocalMedia(HOST, media.local_port, codecs, srtp=srtp))
        self.heard = bytearray()
        self.digits: list[tuple[str, int]] = []
        self.timeouts = 0
        media.on_frame = self.heard.extend
        media.on_dtmf = lambda digit, ms: self.digits.append((digit, ms))
        media.on_timeout = self._timed_out

    def _timed_out(self) -> None:
        self.timeouts += 1

    def apply(self, behind: tuple[str, int] | None = None) -> None:
        """`behind`: the address that the other side is seen at."""
        current = self.negotiation.current
        assert current is not None
        if behind is not None:
            current = replace(current, remote=MediaAddress(*behind))
        self.media.apply(current)


@asynccontextmanager
async def talking(
    codec: Codec = PCMU,
    *,
    srtp: SrtpPolicy = "refused",
    timeout: float = 15.0,
    impaired: bool = False,
) -> AsyncIterator[tuple[End, End, ImpairingProxy]]:
    """(here, there, what is between them); without `impaired` the proxy is not on their way."""
    here, there = [
        End(await MediaSession.open(PORTS, HOST, timeout=timeout), (codec,), srtp) for _ in range(2)
    ]
    here.negotiation.accept_answer(there.negotiation.answer_to(here.negotiation.offer()))
    async with ImpairingProxy(
        (HOST, here.media.local_port), (HOST, there.media.local_port)
    ) as proxy:
        here.apply(proxy.at_left if impaired else None)
        there.apply(proxy.at_right if impaired else None)
        try:
            yield here, there, proxy
        finally:
            await here.media.aclose()
            await there.media.aclose()

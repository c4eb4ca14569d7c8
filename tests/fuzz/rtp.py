"""atheris target: datagrams of RTP and RTCP, as a call gets them. `python -m tests.fuzz.rtp`."""

from __future__ import annotations

import sys

import atheris

with atheris.instrument_imports(include=["bridge.rtp", "aiortp.packet", "aiortp.dtmf"]):
    from bridge.rtp.media import Media
    from bridge.rtp.packet import RtpPacket
    from bridge.rtp.reports import parse
    from bridge.sdp import PCMU, MediaAddress, Negotiated

_THEM = MediaAddress("198.51.100.7", 40000)
_AGREED = Negotiated(
    remote=_THEM,
    remote_rtcp=None,
    codec=PCMU,
    payload_type=0,
    decodes=((0, PCMU),),
    dtmf=101,
    dtmf_arrives=frozenset({101}),
)
_FRAME = 320  # bytes of PCM, 20 ms


def one_input(data: bytes) -> None:
    """The bytes as one packet, and as a stream of them: each begins with its length."""
    for read in (RtpPacket.parse, parse):
        try:
            read(data)
        except ValueError as error:
            if not str(error).endswith("."):
                raise RuntimeError("no sentence") from error
    media = Media()
    media.apply(_AGREED, 0.0)
    now, rest = 0.0, data
    while rest:
        size, rest = rest[0], rest[1:]
        media.receive(rest[:size], _THEM, now)
        rest = rest[size:]
        now += size % 8 * 0.01
        media.say(now)
        heard, _ = media.hear(now)
        assert [len(pcm) for pcm in heard] == [_FRAME]
    quality = media.quality()
    assert quality.lost >= 0
    assert quality.mos is None or 1 <= quality.mos <= 4.5


if __name__ == "__main__":
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()

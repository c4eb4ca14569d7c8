"""Whatever happens to a call's media in whatever order: frames stay whole, nothing is raised."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.rtp.media import Media
from bridge.rtp.packet import RtpPacket
from bridge.sdp import G722, PCMA, PCMU, MediaAddress, Negotiated

THEM = MediaAddress("198.51.100.7", 40000)
AGREED = Negotiated(
    remote=THEM,
    remote_rtcp=MediaAddress(THEM.host, 40001),
    codec=PCMU,
    payload_type=0,
    decodes=((0, PCMU), (8, PCMA), (9, G722)),
    dtmf=101,
    dtmf_arrives=frozenset({101}),
)

_APPLY = st.builds(
    lambda codec, port, hold, sends, receives, events, ptime: replace(
        AGREED,
        codec=codec,
        payload_type=codec.payload_type,
        decodes=((codec.payload_type, codec),) if ptime == 10 else AGREED.decodes,
        remote=MediaAddress("0.0.0.0" if hold else THEM.host, port),
        sends=sends and not hold,
        receives=receives,
        remote_holds=hold,
        dtmf=101 if events else None,
        ptime=ptime,
    ),
    st.sampled_from([PCMU, PCMA, G722]),
    st.sampled_from([40000, 50000]),
    *[st.booleans()] * 4,
    st.sampled_from([10, 20]),
)
_PACKET = st.builds(
    RtpPacket,
    st.sampled_from([0, 8, 9, 13, 18, 101]),
    st.booleans(),
    st.integers(0, 40),
    st.integers(0, 40).map(lambda frame: frame * 160),
    st.sampled_from([1, 1, 1, 2]),
    st.binary(max_size=400),
)
_STEPS = st.lists(
    st.one_of(
        _APPLY,
        st.tuples(_PACKET, st.sampled_from([40000, 40000, 40001, 50000])),
        st.tuples(st.binary(max_size=60), st.just(40000)),
        st.integers(0, 60),  # ticks that a stall swallows before the next one
        st.sampled_from(["play", "digits", "stop"]),
    ),
    max_size=60,
)


@settings(deadline=None)
@given(_STEPS)
def test_frames_stay_whole(steps: list[object]) -> None:
    media, now = Media(), 100.0
    media.apply(AGREED, now)
    for step in steps:
        if isinstance(step, Negotiated):
            media.apply(step, now)
        elif isinstance(step, tuple):
            packet, port = step
            data = packet.serialize() if isinstance(packet, RtpPacket) else packet
            media.receive(data, MediaAddress(THEM.host, port), now)
        elif isinstance(step, int):
            now += 0.02 * (step + 1)
            negotiated = media.negotiated
            assert negotiated is not None
            sending = media.say(now, step)
            heard, _ = media.hear(now, step)
            size = media.listener.sample_rate // 50 * 2
            assert {len(pcm) for pcm in heard} <= {size}
            assert bool(heard) == negotiated.receives
            assert negotiated.sends or all(datagram.is_rtcp for datagram in sending)
            assert all(datagram.to.host != "0.0.0.0" for datagram in sending)
        elif step == "play":
            media.speaker.play(bytes(1000))
        elif step == "digits":
            media.speaker.dtmf.add("1w", tone_ms=40, gap_ms=40)
        else:
            media.speaker.stop_playing()
    quality = media.quality()
    assert quality.lost >= 0
    assert quality.mos is None or 1 <= quality.mos <= 4.5

"""How good a call's sound was: RFC 3550's figures, and a MOS by the E-model (ITU-T G.107)."""

from __future__ import annotations

from dataclasses import dataclass

_BASE = 93.2  # R without any impairment of ours: G.107 table 4's defaults
_LOSS_ROBUSTNESS = 25.1  # Bpl of G.711 with concealment, random loss: G.113 appendix I


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """Of one call so far, as heard here; `remote_…` as the other side reports it by RTCP."""

    received: int = 0  # packets of audio and events
    lost: int = 0  # packets that never came
    late: int = 0  # packets that came after their moment
    duplicated: int = 0  # packets
    dropped: int = 0  # datagrams from elsewhere, malformed, or not of this call
    concealed_ms: int = 0  # audio that was made up
    jitter_ms: float = 0.0  # RFC 3550 section 6.4.1
    buffer_ms: float = 0.0  # what the jitter buffer adds now
    round_trip_ms: float | None = None  # by RTCP
    sent: int = 0  # packets
    remote_lost: int | None = None
    remote_jitter_ms: float | None = None
    mos: float | None = None  # 1 to 4.5, an estimate; None: nothing was heard yet


def mos(*, loss: float, delay_ms: float) -> float:
    """From the share of packets lost or late (0 to 1) and the one-way delay, mouth to ear.

    G.107 with G.711's constants, delay by Cole and Rosenbluth's two lines (2001). For G722, whose
    wider band has a scale of its own, it compares calls, but does not tell how much better it is.
    """
    percent = 100 * min(1.0, max(0.0, loss))
    equipment = 95 * percent / (percent + _LOSS_ROBUSTNESS)
    delay = 0.024 * delay_ms + 0.11 * max(0.0, delay_ms - 177.3)
    rating = max(0.0, min(100.0, _BASE - delay - equipment))
    return max(1.0, 1 + 0.035 * rating + rating * (rating - 60) * (100 - rating) * 7e-6)

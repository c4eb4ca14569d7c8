"""What Prometheus learns of the bridge process. No number, name or id is ever a label."""

from __future__ import annotations

import re
from collections.abc import Iterable

from prometheus_client import REGISTRY, Counter, Gauge
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from bridge.rtp.ticker import Ticker
from contract.phone import LegReport

LEGS = Gauge("bridge_legs", "Phone legs in rooms now, from the INVITE on")
INVITES = Counter("bridge_invites_total", "INVITEs sent, by what came of them", ["outcome"])
TALK = Counter("bridge_talk_seconds_total", "Seconds of talk of legs that have ended")
DROPPED = Counter(
    "bridge_frames_dropped_total",
    "Frames of 20 ms that came too late to be said: to the room (microphone), to the phone "
    "(earpiece)",
    ["way"],
)
SUBSCRIPTIONS = Gauge("bridge_subscriptions", "Tracks in rooms that phones listen to now")

_WORD = re.compile(r"[a-z]+(-[a-z]+){0,4}")


def count_end(report: LegReport) -> None:
    if report.answered and report.answered_at is not None:
        outcome = "answered"
        TALK.inc(max(0.0, (report.ended_at - report.answered_at).total_seconds()))
    else:
        outcome = report.reason if _WORD.fullmatch(report.reason) else "other"
    INVITES.labels(outcome).inc()


class _Pacer(Collector):
    """How late the pacer of all calls was: CPU load says nothing about it."""

    def __init__(self) -> None:
        self.ticker: Ticker | None = None

    def collect(self) -> Iterable[Metric]:
        lateness = HistogramMetricFamily(
            "bridge_pacer_lateness_seconds", "How late each call's 20 ms tick came"
        )
        missed = CounterMetricFamily("bridge_pacer_missed_ticks", "Ticks that a stall swallowed")
        if self.ticker is not None:
            seen = self.ticker.lateness
            buckets, counted = [], 0
            for bound, count in zip(seen.BOUNDS, seen.counts, strict=True):
                counted += count
                buckets.append((_written(bound / 1000), float(counted)))
            lateness.add_metric([], buckets, sum_value=seen.total / 1000)
            missed.add_metric([], seen.missed)
        return [lateness, missed]


def _written(bound: float) -> str:
    return "+Inf" if bound == float("inf") else repr(bound)


_pacer = _Pacer()
REGISTRY.register(_pacer)


def watch(ticker: Ticker) -> None:
    """The pacer of this process."""
    _pacer.ticker = ticker

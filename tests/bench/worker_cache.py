"""What the worker keeps in its memory of the open workflows, by Temporal's own metrics."""

from __future__ import annotations

from dataclasses import dataclass

from prometheus_client.parser import text_string_to_metric_families

_PREFIX = "temporal_sticky_cache_"


@dataclass(frozen=True, slots=True)
class WorkerCache:
    workflows: int
    evicted: int  # so far, to make room for others
    replayed: int  # so far, from their history, as they had been evicted

    @classmethod
    def read(cls, metrics: str) -> WorkerCache:
        """From the page `/metrics` of the worker. What was never counted is not there."""
        seen: dict[str, float] = {}
        for family in text_string_to_metric_families(metrics):
            for sample in family.samples:
                seen[sample.name] = seen.get(sample.name, 0.0) + sample.value
        return cls(
            workflows=int(seen.get(f"{_PREFIX}size", 0)),
            evicted=int(seen.get(f"{_PREFIX}total_forced_eviction_total", 0)),
            replayed=int(seen.get(f"{_PREFIX}miss_total", 0)),
        )

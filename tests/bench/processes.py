"""CPU and memory of a part's whole tree of processes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass

import psutil

MEGABYTE = 1e6


@dataclass(frozen=True, slots=True)
class Tree:
    pids: list[int]
    cpu_seconds: float  # with that of children that have ended and were waited for
    rss: float  # MB; counts what processes share once for each of them
    pss: float  # MB; shares what is shared


def trees(
    pids_of: Callable[[str], list[int]], parts: Iterable[str], *, memory: bool = False
) -> dict[str, Tree]:
    return {part: tree_of(pids_of(part), memory=memory) for part in parts}


def tree_of(pids: list[int], *, memory: bool = False) -> Tree:
    alive, cpu, rss, pss = [], 0.0, 0.0, 0.0
    for pid in pids:
        with suppress(psutil.Error):
            process = psutil.Process(pid)
            used = process.cpu_times()
            cpu += used.user + used.system + used.children_user + used.children_system
            if memory:
                full = process.memory_full_info()
                rss += full.rss / MEGABYTE
                pss += full.pss / MEGABYTE
            alive.append(pid)
    return Tree(alive, cpu, rss, pss)

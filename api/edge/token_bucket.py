"""Token buckets in this process: how much each client may still ask, with bounded memory."""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Policy:
    """`quota` requests at once; as many flow back within `window` seconds."""

    name: str
    quota: int
    window: int

    @property
    def per_second(self) -> float:
        return self.quota / self.window


@dataclass(frozen=True, slots=True)
class Allowance:
    """What is left after one request; `more_in` is in whole seconds, 0 when nothing is missing."""

    is_granted: bool
    remaining: int
    more_in: int


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float


class TokenBuckets:
    """One bucket per key. Those unused for `kept_seconds` go, and the longest unused one when there
    are `most`: a bucket that is made anew is full, so forgetting never refuses anybody.

    Nothing here awaits, so that it needs no lock.
    """

    def __init__(
        self,
        policy: Policy,
        *,
        kept_seconds: float = 0,
        most: int = 10_000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.policy = policy
        self._kept_seconds = max(kept_seconds, policy.window)
        self._most = most
        self._clock = clock
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()  # the longest unused first

    def __len__(self) -> int:
        return len(self._buckets)

    def __contains__(self, key: str) -> bool:
        return key in self._buckets

    def take(self, key: str) -> Allowance:
        bucket = self._bucket(key)
        if bucket.tokens < 1:
            return self._allowance(bucket, is_granted=False)
        bucket.tokens -= 1
        return self._allowance(bucket, is_granted=True)

    def give_back(self, key: str) -> None:
        bucket = self._buckets.get(key)
        if bucket is not None:
            bucket.tokens = min(self.policy.quota, bucket.tokens + 1)

    def forget(self, key: str) -> None:
        self._buckets.pop(key, None)

    def _bucket(self, key: str) -> _Bucket:
        now = self._clock()
        bucket = self._buckets.get(key)
        if bucket is None:
            self._make_room(now)
            bucket = self._buckets[key] = _Bucket(self.policy.quota, now)
        else:
            self._buckets.move_to_end(key)
            flown_back = (now - bucket.at) * self.policy.per_second
            bucket.tokens = min(self.policy.quota, bucket.tokens + flown_back)
            bucket.at = now
        return bucket

    def _make_room(self, now: float) -> None:
        while self._buckets:
            oldest = next(iter(self._buckets.values()))
            if len(self._buckets) < self._most and now - oldest.at < self._kept_seconds:
                return
            self._buckets.popitem(last=False)

    def _allowance(self, bucket: _Bucket, *, is_granted: bool) -> Allowance:
        whole = math.floor(bucket.tokens)
        missing = 0.0 if whole >= self.policy.quota else whole + 1 - bucket.tokens
        return Allowance(is_granted, whole, math.ceil(missing / self.policy.per_second))

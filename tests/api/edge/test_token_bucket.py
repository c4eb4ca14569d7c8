from __future__ import annotations

from api.edge.token_bucket import Policy, TokenBuckets


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def buckets(quota: int, window: int, **options: float) -> tuple[TokenBuckets, Clock]:
    clock = Clock()
    return TokenBuckets(Policy("key", quota, window), clock=clock, **options), clock  # type: ignore[arg-type]


def test_so_many_at_once_and_then_as_they_flow_back() -> None:
    ten, clock = buckets(10, 5)  # two a second
    assert [ten.take("a").is_granted for _ in range(11)] == [True] * 10 + [False]
    refused = ten.take("a")
    assert (refused.remaining, refused.more_in) == (0, 1)
    clock.now += 1
    assert [ten.take("a").is_granted for _ in range(3)] == [True, True, False]
    clock.now += 3600
    assert ten.take("a").remaining == 9  # never more than the quota


def test_one_key_does_not_take_from_another() -> None:
    one, _ = buckets(1, 60)
    assert one.take("a").is_granted
    assert not one.take("a").is_granted
    assert one.take("b").is_granted


def test_a_slow_bucket_tells_when_the_next_request_is_granted() -> None:
    slow, clock = buckets(2, 60)
    slow.take("a")
    slow.take("a")
    wait = slow.take("a").more_in
    assert wait == 30
    clock.now += wait
    assert slow.take("a").is_granted


def test_what_is_given_back_may_be_taken_again() -> None:
    one, _ = buckets(1, 60)
    one.take("a")
    one.give_back("a")
    one.give_back("a")
    assert one.take("a").is_granted
    assert not one.take("a").is_granted


def test_buckets_that_nobody_uses_go_and_there_are_never_too_many() -> None:
    few, clock = buckets(5, 60, most=100)
    for number in range(10_000):
        few.take(f"stranger-{number}")
    assert len(few) == 100
    clock.now += 60
    few.take("somebody")
    assert len(few) == 1
    kept, clock = buckets(5, 60, kept_seconds=3600)
    kept.take("known")
    clock.now += 3599
    kept.take("other")
    assert "known" in kept
    clock.now += 1
    kept.take("third")
    assert "known" not in kept

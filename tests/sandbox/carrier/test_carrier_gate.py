"""Whom the carrier lets in, and how often."""

from __future__ import annotations

from sandbox.carrier.gate import Gate


def test_only_listed_addresses_may_call() -> None:
    gate = Gate(["127.0.0.0/8", "203.0.113.7", "2001:db8::/32"], 200)
    for host in ("127.0.0.1", "203.0.113.7", "2001:db8::1"):
        assert gate.refusal(host, 0) is None
    for host in ("203.0.113.8", "10.0.0.1", "::1"):
        assert gate.refusal(host, 0) == (403, "Forbidden: Address Not Allowed")


def test_two_hundred_calls_a_minute_and_no_more() -> None:
    gate = Gate(["127.0.0.1"], 200)
    assert all(gate.refusal("127.0.0.1", call * 0.1) is None for call in range(200))
    assert gate.refusal("127.0.0.1", 59.9) == (503, "Too Many Calls A Minute")
    assert gate.refusal("127.0.0.1", 60.0) is None, "the first call is a minute old"
    assert gate.refusal("127.0.0.1", 60.05) is not None


def test_who_is_refused_uses_nothing_up() -> None:
    gate = Gate(["127.0.0.1"], 1)
    assert gate.refusal("10.0.0.1", 0) is not None
    assert gate.refusal("127.0.0.1", 0) is None

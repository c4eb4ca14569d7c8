"""Which address is offered to whom, and the sentence of whoever must not be called so."""

from __future__ import annotations

import pytest

from bridge.addresses import (
    AddressError,
    Listen,
    Reach,
    check_offered,
    own_address,
    parse_ip,
    reach_of,
)


@pytest.mark.parametrize(
    ("host", "reach"),
    [
        ("127.0.0.1", Reach.MACHINE),
        ("::1", Reach.MACHINE),
        ("169.254.7.7", Reach.LINK),
        ("fe80::1", Reach.LINK),
        ("10.1.2.3", Reach.SITE),
        ("172.31.0.1", Reach.SITE),
        ("192.168.0.9", Reach.SITE),
        ("100.64.0.1", Reach.SITE),  # a carrier's NAT, RFC 6598
        ("fd00::1", Reach.SITE),
        ("8.8.8.8", Reach.WORLD),
        ("2606:4700::1111", Reach.WORLD),
        ("::ffff:10.0.0.1", Reach.SITE),
    ],
)
def test_how_far_an_address_reaches(host: str, reach: Reach) -> None:
    assert reach_of(host) is reach


@pytest.mark.parametrize(
    ("ours", "peer"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("10.0.0.5", "10.0.0.6"),
        ("10.0.0.5", "127.0.0.1"),
        ("8.8.8.8", "10.0.0.6"),
        ("8.8.8.8", "1.1.1.1"),
        ("fd00::1", "fd00::2"),
    ],
)
def test_an_address_that_the_peer_reaches_is_offered(ours: str, peer: str) -> None:
    check_offered(ours, peer)


@pytest.mark.parametrize(
    ("ours", "peer"),
    [
        ("127.0.0.1", "10.0.0.6"),
        ("10.0.0.5", "8.8.8.8"),
        ("192.168.1.2", "1.1.1.1"),
        ("100.64.0.1", "1.1.1.1"),
        ("0.0.0.0", "10.0.0.6"),
        ("fd00::1", "2606:4700::1111"),
    ],
)
def test_an_address_that_the_peer_cannot_reach_is_refused_in_a_sentence(
    ours: str, peer: str
) -> None:
    with pytest.raises(AddressError, match="set BRIDGE_ADVERTISED_IP") as refused:
        check_offered(ours, peer)
    assert ours in str(refused.value)
    assert peer in str(refused.value)


def test_the_two_kinds_of_address_do_not_mix() -> None:
    with pytest.raises(AddressError, match="speaks IPv6"):
        check_offered("10.0.0.1", "2606:4700::1111")


def test_a_place_to_listen_is_read_and_written() -> None:
    assert Listen.parse("tcp://127.0.0.1:5070") == Listen("tcp", "127.0.0.1", 5070)
    assert str(Listen.parse("tls://[::1]:5061")) == "tls://[::1]:5061"
    assert Listen.parse(" udp://0.0.0.0:0 ").port == 0


@pytest.mark.parametrize(
    "text",
    [
        "",
        "5060",
        "sctp://127.0.0.1:5060",
        "udp://host.example:5060",
        "udp://127.0.0.1",
        "udp://127.0.0.1:70000",
        "udp://127.0.0.1:²",
        "tcp:127.0.0.1:5060",
    ],
)
def test_what_is_no_place_to_listen_is_told_in_a_sentence(text: str) -> None:
    with pytest.raises(ValueError, match=r"\.$"):
        Listen.parse(text)


def test_a_socket_on_one_address_has_that_address() -> None:
    assert own_address("127.0.0.1") == "127.0.0.1"


def test_a_socket_on_every_interface_has_the_one_towards_the_peer() -> None:
    assert own_address("0.0.0.0", "127.0.0.1") == "127.0.0.1"
    assert not parse_ip(own_address("0.0.0.0")).is_unspecified

from __future__ import annotations

from ipaddress import ip_network

import pytest

from contract.tool_targets import ToolTargets

NOWHERE_PRIVATE = ToolTargets()
PRIVATE = [
    *("127.0.0.1", "127.8.9.10", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1"),
    *("169.254.169.254", "100.64.0.1", "192.0.2.1", "198.18.0.1", "224.0.0.1", "240.0.0.1"),
    *("255.255.255.255", "::", "::1", "fe80::1", "fe80::1%eth0", "fec0::1", "fd00:ec2::254"),
    *("ff02::1", "2001:db8::1", "::127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254"),
    *("64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "2001::1"),
]
PUBLIC = ["93.184.215.14", "2606:2800:21f:cb07::1", "::ffff:8.8.8.8", "64:ff9b::808:808"]


@pytest.mark.parametrize("address", PRIVATE)
def test_an_address_that_not_everybody_could_ask_is_refused(address: str) -> None:
    assert not NOWHERE_PRIVATE.allow_address(address)
    assert not NOWHERE_PRIVATE.allow_host(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_allowed(address: str) -> None:
    assert NOWHERE_PRIVATE.allow_address(address)
    assert NOWHERE_PRIVATE.allow_host(address)


@pytest.mark.parametrize(
    "host",
    [
        *("localhost", "LOCALHOST.", "booking.localhost"),
        *("127.1", "0x7f000001", "2130706433", "0177.0.0.1", "0xa9.0xfe.0xa9.0xfe"),
    ],
)
def test_another_way_to_write_a_private_address_is_refused(host: str) -> None:
    assert not NOWHERE_PRIVATE.allow_host(host)


@pytest.mark.parametrize("host", ["blue-door.example", "localhost.example", "10.example", "pbx"])
def test_of_a_name_nothing_is_known_before_it_is_looked_up(host: str) -> None:
    assert NOWHERE_PRIVATE.allow_host(host)


def test_the_operator_opens_networks_one_by_one() -> None:
    office = ToolTargets((ip_network("10.2.0.0/16"), ip_network("fd12::/64")))
    assert office.allow_address("10.2.3.4")
    assert office.allow_address("::ffff:10.2.3.4")
    assert office.allow_address("fd12::7")
    assert not office.allow_address("10.3.3.4")
    assert not office.allow_address("169.254.169.254")
    assert not office.allow_host("localhost")
    assert ToolTargets((ip_network("127.0.0.0/8"),)).allow_host("localhost")

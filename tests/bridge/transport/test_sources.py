from __future__ import annotations

from bridge.transport import Sources


def test_without_a_list_everybody_is_heard() -> None:
    assert Sources().trunk_of("203.0.113.9") == ""


def test_a_source_is_known_by_the_trunk_of_its_network() -> None:
    sources = Sources(["exotel=198.51.100.0/24", "office=2001:db8::/32", "192.0.2.9"])
    assert sources.trunk_of("198.51.100.77") == "exotel"
    assert sources.trunk_of("::ffff:198.51.100.77") == "exotel"
    assert sources.trunk_of("2001:db8::5") == "office"
    assert sources.trunk_of("192.0.2.9") == ""
    assert sources.trunk_of("192.0.2.10") is None


def test_whom_we_call_is_heard_while_the_call_lasts() -> None:
    sources = Sources(["198.51.100.0/24"])
    sources.called("192.0.2.10")
    sources.called("192.0.2.10")
    sources.call_over("192.0.2.10")
    assert sources.trunk_of("192.0.2.10") == ""
    sources.call_over("192.0.2.10")
    assert sources.trunk_of("192.0.2.10") is None

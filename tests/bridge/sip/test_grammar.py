from __future__ import annotations

import contextlib

import pytest

from bridge.sip.grammar import NameAddress, Uri, Via, parameters, split
from tests.bridge.sip.spent import not_slow


@pytest.mark.parametrize(
    ("raw", "user", "host", "port"),
    [
        ("sip:alice@atlanta.com", "alice", "atlanta.com", None),
        ("sip:+919876543210@pc33:5070;transport=tcp", "+919876543210", "pc33", 5070),
        ("sips:1212@gateway.com", "1212", "gateway.com", None),
        ("SIP:alice;day=tuesday@atlanta.com", "alice;day=tuesday", "atlanta.com", None),
        ("sip:alice@[2001:db8::10]:5070", "alice", "2001:db8::10", 5070),
        ("sip:%61lice@my_host?subject=x", "alice", "my_host", None),
        ("sip:192.0.2.4", "", "192.0.2.4", None),
        ("sip:a:secret@b;lr", "a", "b", None),
        ("tel:+1-201-555-0123;phone-context=x", "+1-201-555-0123", "", None),
    ],
)
def test_uris(raw: str, user: str, host: str, port: int | None) -> None:
    uri = Uri.parse(raw)
    assert (uri.user, uri.host, uri.port, uri.raw) == (user, host, port, raw)


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "alice",
        "sip:",
        "sip:a b@c",
        "sip:a@",
        "sip:a@b:port",
        "sip:a@b:70000",
        "sip:a@b:0",
        "<x>",
        "sip:a@[::1",
        "sip:a@b\r\nX: y",
        "sip:a@b@c",
    ],
)
def test_what_is_no_uri(raw: str) -> None:
    with pytest.raises(ValueError, match=r"\.$"):
        Uri.parse(raw)


@pytest.mark.parametrize(
    ("text", "display", "uri", "tag"),
    [
        ('"A. G. Bell" <sip:agb@bell.com> ;tag=a48s', "A. G. Bell", "sip:agb@bell.com", "a48s"),
        ("Anonymous <sip:c8oqz84zk7z@privacy.org>;tag=hyh8", "Anonymous", None, "hyh8"),
        ("sip:+12125551212@phone2net.com;tag=887s", "", "sip:+12125551212@phone2net.com", "887s"),
        (
            r'"J \"<Rosenberg>\" \\" <sip:j@x>;TAG=98asjd8',
            r'J "<Rosenberg>" \ '[:-1],
            None,
            "98asjd8",
        ),
        ("caller<sip:caller@example.com>;tag = 323", "caller", "sip:caller@example.com", "323"),
        ("<sip:a@b;tag=no>", "", "sip:a@b;tag=no", None),
    ],
)
def test_addresses(text: str, display: str, uri: str | None, tag: str | None) -> None:
    address = NameAddress.parse(text)
    assert (address.display, address.tag) == (display, tag)
    assert uri is None or address.uri == uri


@pytest.mark.parametrize(
    "text", ['"Mr. J. User <sip:j.user@example.com>', "<sip:a@b", "<sip:a@b> x", "<>", "", '"x"']
)
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(ValueError, match=r"\.$"):
        NameAddress.parse(text)


def test_via_in_every_spacing() -> None:
    via = Via.parse(
        "SIP  / 2.0  / TCP     spindle.example.com :5061  ; branch  =   z9hG4bK9 ;rport"
    )
    assert (via.transport, via.host, via.port) == ("TCP", "spindle.example.com", 5061)
    assert via.branch == "z9hG4bK9"
    assert via.parameters["rport"] is None
    assert Via.parse("SIP/2.0/UDP [2001:db8::9:1];received=2001:db8::9:255").host == "2001:db8::9:1"


def test_lists_are_not_cut_inside_of_quotes_and_addresses() -> None:
    assert split('"a,b" <sip:x,y@z>;p="1,2", <sip:c>', ",") == [
        '"a,b" <sip:x,y@z>;p="1,2"',
        "<sip:c>",
    ]
    assert parameters('realm="a, b", qop="auth,auth-int", stale=FALSE', ",") == {
        "realm": "a, b",
        "qop": "auth,auth-int",
        "stale": "FALSE",
    }


@pytest.mark.parametrize(
    "text",
    [
        '"' + '\\"' * 4000,
        '"' * 8000,
        "<" * 8000,
        " " * 8000,
        ";" * 8000,
        "a=" * 4000,
        '"a"' * 2600,
        "sip:" + "1" * 8000 + "X@",
        "tel:" + "1" * 8000,
        "sip:a@" + "a-" * 4000,
        "SIP/2.0/UDP " + " " * 8000,
        "SIP" + " " * 8000,
        "sip:a@" + "1." * 4000 + ";" + "a;" * 2000,
    ],
)
def test_nothing_takes_long(text: str) -> None:
    with not_slow():
        for read in (Uri.parse, NameAddress.parse, Via.parse, parameters):
            with contextlib.suppress(ValueError):
                read(text)  # type: ignore[operator]

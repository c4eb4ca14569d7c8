from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from bridge.legs.options import BridgeOptions
from bridge.settings import BridgeSettings, callers_of
from engine.startup import sentence_about


@pytest.fixture(autouse=True)
def _nothing_given(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in BridgeSettings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


def complaint(**given: Any) -> str:
    with pytest.raises(ValidationError) as wrong:
        BridgeSettings(**given)
    return sentence_about(wrong.value)


def test_without_settings_it_is_private() -> None:
    options = BridgeOptions.of(BridgeSettings())
    assert [str(place) for place in options.listen] == [
        "udp://127.0.0.1:5060",
        "tcp://127.0.0.1:5060",
    ]
    assert (options.ports.first, options.ports.last) == (10_000, 40_000)
    assert [codec.name for codec in options.codecs] == ["PCMU", "PCMA", "G722"]
    assert options.credentials is None
    assert not options.callers


def test_the_environment_is_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text("hush\n")
    monkeypatch.setenv("BRIDGE_LISTEN", "tcp://0.0.0.0:5070, udp://0.0.0.0:5070")
    monkeypatch.setenv("BRIDGE_ADVERTISED_IP", "203.0.113.7")
    monkeypatch.setenv("BRIDGE_ALLOWED_SOURCES", "exotel=198.51.100.0/24,192.0.2.9")
    monkeypatch.setenv("BRIDGE_CODECS", "pcma,PCMU")
    monkeypatch.setenv("BRIDGE_USERNAME", "anna")
    monkeypatch.setenv("BRIDGE_PASSWORD_FILE", str(secret))
    monkeypatch.setenv("BRIDGE_MEDIA_TIMEOUT_SECONDS", "12")
    options = BridgeOptions.of(BridgeSettings())
    assert options.listen[0].port == 5070
    assert options.advertised_ip == "203.0.113.7"
    assert options.allowed_sources == ("exotel=198.51.100.0/24", "192.0.2.9")
    assert [codec.name for codec in options.codecs] == ["PCMA", "PCMU"]
    assert options.credentials is not None
    assert options.credentials.password == "hush"
    assert "hush" not in repr(options)
    assert options.media_timeout == 12.0


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("bridge_listen", "udp://localhost:5060"),
        ("bridge_advertised_ip", "0.0.0.0"),
        ("bridge_advertised_ip", "gateway.example"),
        ("bridge_rtp_ports", "40000-10000"),
        ("bridge_rtp_ports", "10000"),
        ("bridge_allowed_sources", "exotel=198.51.100.0/33"),
        ("bridge_codecs", "PCMU,OPUS"),
        ("bridge_codecs", "PCMU,PCMU"),
        ("bridge_callers", "anna"),
        ("bridge_max_calls", "0"),
    ],
)
def test_what_is_malformed_is_named(name: str, value: str) -> None:
    assert f"{name.upper()} is malformed" in complaint(**{name: value})


def test_tls_needs_its_certificate() -> None:
    told = complaint(bridge_listen="tls://127.0.0.1:5061")
    assert told == "Cannot start: BRIDGE_TLS_CERTIFICATE is missing."
    told = complaint(bridge_tls_certificate="/a.pem")
    assert "BRIDGE_TLS_PRIVATE is malformed" in told


def test_callers_are_pairs_and_never_repeated() -> None:
    assert callers_of("anna:one, bob:t:wo") == {"anna": "one", "bob": "t:wo"}
    with pytest.raises(ValueError, match="name:password") as wrong:
        callers_of("anna:one,secret")
    assert "secret" not in str(wrong.value)

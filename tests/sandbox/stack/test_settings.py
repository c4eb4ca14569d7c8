"""What needs no server: ports, keys, parts and what each part is told."""

from __future__ import annotations

import base64
import socket
import stat
from dataclasses import fields
from pathlib import Path

import pytest

from sandbox.stack import Part, StackDescription, StackError
from sandbox.stack.environment import ai_providers, environment
from sandbox.stack.keys import Keys
from sandbox.stack.parts import chosen
from sandbox.stack.ports import FreePorts, Ports, require_free
from sandbox.stack.site import Site


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path, Ports(), Keys.load_or_make(tmp_path / "keys.json"))


def test_every_port_can_be_set() -> None:
    ports = Ports.from_environment({"SWITCHBOARD_LIVEKIT_UDP_PORT": "9999"})
    assert ports.livekit_udp == 9999
    assert ports.api == Ports().api


@pytest.mark.parametrize("text", ["http", "0", "65536", "-1", "80.5"])
def test_a_port_that_is_none_is_named(text: str) -> None:
    with pytest.raises(StackError, match=r"SWITCHBOARD_API_PORT is .*must be a port number"):
        Ports.from_environment({"SWITCHBOARD_API_PORT": text})


def test_two_parts_cannot_share_a_port() -> None:
    with pytest.raises(StackError, match="SWITCHBOARD_S3_PORT and SWITCHBOARD_API_PORT are both"):
        Ports.from_environment({"SWITCHBOARD_API_PORT": "9000", "SWITCHBOARD_S3_PORT": "9000"})


def test_free_ports_are_not_given_twice() -> None:
    first, second = FreePorts.take(), FreePorts.take()
    try:
        assert first.ports.api != second.ports.api
        with socket.create_server(("127.0.0.1", first.ports.s3)):
            require_free(Part.API, first.ports)
            with pytest.raises(StackError, match=f"{first.ports.s3}, which s3 needs, is in use"):
                require_free(Part.S3, first.ports)
    finally:
        first.give_back()
        second.give_back()


def test_the_udp_port_is_looked_at_too() -> None:
    free = FreePorts.take()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", free.ports.livekit_udp))
        with pytest.raises(StackError, match="SWITCHBOARD_LIVEKIT_UDP_PORT"):
            require_free(Part.LIVEKIT, free.ports)
    free.give_back()


@pytest.mark.parametrize("kind", [socket.SOCK_DGRAM, socket.SOCK_STREAM])
def test_a_sip_port_is_looked_at_both_ways(kind: socket.SocketKind) -> None:
    free = FreePorts.take()
    with socket.socket(socket.AF_INET, kind) as other:
        other.bind(("127.0.0.1", free.ports.carrier_sip))
        if kind is socket.SOCK_STREAM:
            other.listen()
        with pytest.raises(StackError, match="SWITCHBOARD_CARRIER_SIP_PORT"):
            require_free(Part.CARRIER, free.ports)
    free.give_back()


def test_a_stack_has_room_for_every_port_in_its_block() -> None:
    taken = FreePorts.take()
    assert len({getattr(taken.ports, each.name) for each in fields(taken.ports)}) == len(
        fields(Ports)
    )
    taken.give_back()


def test_parts_are_chosen_by_name() -> None:
    assert chosen(None, ["atlas"]) == tuple(part for part in Part if part is not Part.ATLAS)
    assert chosen(["s3", "temporal"], []) == (Part.TEMPORAL, Part.S3)
    with pytest.raises(StackError, match="There is no part 'egress'"):
        chosen(["egress"], [])


def test_keys_are_kept_and_private(tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    made = Keys.load_or_make(file)
    kept = Keys.load_or_make(file)
    assert kept.payload_keys == made.payload_keys
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert made.api_key not in repr(made)
    name, _, key = made.payload_keys.partition(":")
    assert (name, len(base64.b64decode(key))) == ("dev", 32)
    assert len(made.livekit_api_secret) >= 32


def test_damaged_keys_are_told(tmp_path: Path) -> None:
    (tmp_path / "keys.json").write_text("{}")
    with pytest.raises(StackError, match="is damaged: remove"):
        Keys.load_or_make(tmp_path / "keys.json")


def test_a_part_gets_its_settings_and_nothing_of_the_users(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GROQ_API_KEY", "the user's own")
    monkeypatch.setenv("LIVEKIT_DEV_MODE", "1")
    atlas = environment(Part.ATLAS, site)
    assert atlas["GROQ_API_KEY"] == "stand-in"
    assert atlas["GROQ_BASE_URL"].startswith(site.providers_url)
    assert "LIVEKIT_DEV_MODE" not in atlas


def test_real_providers_are_asked_for_by_name(site: Site) -> None:
    user = {"SWITCHBOARD_REAL_PROVIDERS": "groq", "GROQ_API_KEY": "gsk", "DEEPGRAM_API_KEY": "dg"}
    settings = ai_providers(site, user)
    assert settings["GROQ_API_KEY"] == "gsk"
    assert "GROQ_BASE_URL" not in settings
    assert settings["DEEPGRAM_API_KEY"] == "stand-in"


@pytest.mark.parametrize(
    ("named", "sentence"),
    [("groq", "GROQ_API_KEY is not set"), ("grok", "names grok; it knows deepgram, groq")],
)
def test_a_real_provider_without_a_key_is_told(site: Site, named: str, sentence: str) -> None:
    with pytest.raises(StackError, match=sentence):
        ai_providers(site, {"SWITCHBOARD_REAL_PROVIDERS": named})


def test_the_description_survives_its_file(site: Site, tmp_path: Path) -> None:
    written = StackDescription.of(site, {})
    written.write(tmp_path / "stack.json")
    assert StackDescription.read(tmp_path / "stack.json") == written
    assert set(written.stand_ins) == {
        "deepgram",
        "groq",
        "elevenlabs",
        "openai",
        "recorder",
        "sip",
        "carrier",
    }


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"stand_ins": 1}'])
def test_a_damaged_description_is_told(tmp_path: Path, text: str) -> None:
    (tmp_path / "stack.json").write_text(text)
    with pytest.raises(StackError, match="is not what `make up` wrote"):
        StackDescription.read(tmp_path / "stack.json")

"""Assistants, trunks, numbers and keys, made from files and back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli.documents import read_document
from cli.errors import CliError
from tests.cli.conftest import Switchboard

TRUNK = """
id: mumbai
name: Exotel Mumbai
preset: exotel
host: sip.example.com
from_number: "+12025550123"
auth: {username: acme, password: hush-hush}
"""


async def test_an_assistant_goes_round(switchboard: Switchboard, tmp_path: Path) -> None:
    made = await switchboard("assistants", "create", "--json", stdin="name: Night desk\nid: night")
    assert (made.code, made.document["id"]) == (0, "night")
    assert "Night desk" in (await switchboard("assistants", "list")).out

    shown = (await switchboard("assistants", "show", "night", "--json")).document
    file = tmp_path / "night desk.json"
    file.write_text(json.dumps(shown | {"record": False}))
    changed = await switchboard("assistants", "update", "night", str(file), "--replace", "--json")
    assert changed.code == 0, changed.err
    assert changed.document["record"] is False
    patched = await switchboard("assistants", "update", "night", "-", stdin="name: Day desk")
    assert patched.code == 0
    now = (await switchboard("assistants", "show", "night", "--json")).document
    assert (now["name"], now["record"]) == ("Day desk", False)

    other = await switchboard("assistants", "update", "demo", str(file))
    assert other.code == 2  # the file is about another one
    assert (await switchboard("assistants", "delete", "night")).code == 0
    assert (await switchboard("assistants", "show", "night")).code == 3


async def test_a_trunk_and_its_number_go_round_without_showing_the_password(
    switchboard: Switchboard,
) -> None:
    made = await switchboard("trunks", "create", stdin=TRUNK)
    assert made.code == 0, made.err
    number = '{"number": "+12025550188", "assistant_id": "demo", "trunk_id": "mumbai"}'
    assert (await switchboard("numbers", "create", stdin=number)).code == 0
    shown = [
        await switchboard("trunks", "list"),
        await switchboard("trunks", "show", "mumbai"),
        await switchboard("trunks", "show", "mumbai", "--json"),
        await switchboard("numbers", "list"),
    ]
    assert all("mumbai" in one.out.lower() for one in shown)
    assert not any("hush-hush" in one.out + one.err for one in [made, *shown])
    sent_back = await switchboard("trunks", "update", "mumbai", stdin=shown[2].out)
    assert sent_back.code == 0, sent_back.err
    assert (await switchboard("numbers", "delete", "+12025550188")).code == 0
    assert (await switchboard("trunks", "delete", "mumbai", "--yes")).code == 0


async def test_a_key_is_shown_once_and_opens_nothing_when_revoked(
    switchboard: Switchboard,
) -> None:
    made = await switchboard("keys", "create", "ci", "--role", "auditor", "--expires", "1h")
    assert made.code == 0, made.err
    key = made.out.strip()
    assert "\n" not in key
    assert (await switchboard("calls", "list", SWITCHBOARD_API_KEY=key)).code == 0
    listed = (await switchboard("keys", "list", "--json")).document["items"]
    assert key not in json.dumps(listed)
    (ours,) = [item for item in listed if item["name"] == "ci"]
    assert (await switchboard("keys", "revoke", ours["id"])).code == 0
    assert (await switchboard("calls", "list", SWITCHBOARD_API_KEY=key)).code == 4
    assert "revoked" in (await switchboard("keys", "list")).out


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ('{"name": "x"}', {"name": "x"}),
        ("name: x\nopening: {text: 2026-01-01}", {"name": "x", "opening": {"text": "2026-01-01"}}),
        ('{"id": "x", "created_at": "y", "auth": {"password_set": true}}', {"id": "x", "auth": {}}),
    ],
)
def test_documents_are_json_or_yaml(text: str, fields: object, tmp_path: Path) -> None:
    file = tmp_path / "document"
    file.write_text(text)
    assert read_document(str(file)) == fields


@pytest.mark.parametrize("text", ["", "[1]", "name: [", "{", "- x", "\t\tname: x", "x"])
def test_what_is_no_object_is_5(text: str, tmp_path: Path) -> None:
    file = tmp_path / "document"
    file.write_text(text)
    with pytest.raises(CliError) as refused:
        read_document(str(file))
    assert refused.value.exit_code == 5

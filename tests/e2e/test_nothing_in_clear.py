"""Secrets, numbers and sentences of a real call, looked for wherever they do not belong.

The application's database is the record: it holds what was said and who called, and is searched
only for what tenants gave it to keep sealed. What LiveKit itself is told stays in LiveKit while the
room exists: a participant's name is shown to the others in the room, and LiveKit's server logs the
identities of those who join.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import boto3
import httpx2
import pytest
from botocore.config import Config
from livekit import api

from sandbox.stack import Stack
from sandbox.stack.keys import Keys
from tests.e2e.clear_text import found_in, lines_about, sqlite_contents
from tests.e2e.switchboard import Switchboard, WebCall, eventually

pytestmark = pytest.mark.stack

PROVIDER_KEYS = {
    "DEEPGRAM_API_KEY": "dg-canary-7c1e5a40d2",
    "GROQ_API_KEY": "gsk-canary-1f3b8876aa",
    "ELEVEN_API_KEY": "el-canary-90d1c4e2b7",
}
_OF_EVERYBODY = ("PAYLOAD_KEYS", "LIVEKIT_API_SECRET")
_OF_THE_STORE = ("CALL_TOKEN_SECRET", "S3_ACCESS_KEY_ID", "S3_SECRET_ACCESS_KEY")
SECRETS_OF = {
    "api": (*_OF_EVERYBODY, *_OF_THE_STORE),
    "worker": (*_OF_EVERYBODY, *_OF_THE_STORE),
    "atlas": (*_OF_EVERYBODY, *PROVIDER_KEYS),
    "media-bot": _OF_EVERYBODY,
    "recorder": ("LIVEKIT_API_SECRET",),
}
PERSONAL = {
    "participant name": "Wilhelmina Quackenbush",
    "participant number": "+49 1512 3456789",
    "number in the metadata": "+4915298765432",
    "sentence in the metadata": "The parcel waits behind the ochre door.",
    "what the assistant is told": "Never mention the zebra of Zanzibar to a stranger.",
    "what the assistant says": "Welcome to the lavender telescope repair shop.",
    "what the caller says": "Seven velvet umbrellas dance on Wednesday.",
    "why the operator hangs up": "He shouted at Ludmila about the marmalade invoice.",
    "identity of one who came by himself": "sip_+493012345678",
}
# What an assistant's tools send to others' services: nowhere in clear, not even in the record.
TOOL_SECRET = "Bearer tool-canary-5b7720e1d9"
# These travel through Temporal, so the same search must find them when nothing is encrypted.
THROUGH_TEMPORAL = {"why the operator hangs up", "identity of one who came by himself"}


BOOK_A_TABLE = {
    "name": "book_table",
    "description": "Book a table.",
    "url": "https://blue-door.example/bookings",
    "headers": {"Authorization": TOOL_SECRET},
}


@dataclass(frozen=True)
class Searched:
    places: dict[str, bytes]
    record: dict[str, bytes]
    secrets: dict[str, str]


async def live_through(switchboard: Switchboard) -> dict[str, str]:
    """One call that says everything, one that came by itself; what was given out for them."""
    said = PERSONAL
    async with httpx2.AsyncClient() as plain:
        phrase = {"text": said["what the caller says"], "language": "en-US"}
        await plain.post(switchboard.description.phrases_url, json={"phrases": [phrase]})
    assistant = await switchboard.make_assistant(
        instructions=said["what the assistant is told"],
        opening={"mode": "say", "text": said["what the assistant says"]},
        tools={"http": [BOOK_A_TABLE]},
    )
    call = await switchboard.place_call(
        assistant,
        record=True,
        participant_name=f"{said['participant name']} {said['participant number']}",
        metadata={
            "number": said["number in the metadata"],
            "note": said["sentence in the metadata"],
        },
    )
    caller = await call.join()
    await caller.heard.wait_until_heard(timeout=20)
    await caller.heard.wait_for_quiet()
    await caller.say(said["what the caller says"])
    turns = await call.turns(2)
    assert {turn["text"] for turn in turns} >= {
        said["what the caller says"],
        said["what the assistant says"],
    }
    rooms = await what_livekit_shows(switchboard)
    assert (await call.hang_up(said["why the operator hangs up"])).status_code == 200
    await call.settled()
    await come_by_oneself(switchboard, said["identity of one who came by himself"])
    return {"token of the call": call.accepted["token"], "rooms": rooms}


async def come_by_oneself(switchboard: Switchboard, identity: str) -> None:
    """Into a room that no request announced, as somebody from a SIP trunk does."""
    room = f"lobby-{secrets.token_hex(4)}"
    here = switchboard.description
    grants = api.VideoGrants(room_join=True, room=room)
    token = api.AccessToken(here.livekit_api_key, here.livekit_api_secret)
    written = token.with_identity(identity).with_grants(grants).to_jwt()
    known = {item["call_id"] for item in (await switchboard.get("/calls"))["items"]}
    call = WebCall(switchboard, {"call_id": "", "room_name": room} | {"url": here.livekit_url})
    call.accepted["token"] = written
    caller = await call.join()

    async def adopted() -> str | None:
        now = {item["call_id"] for item in (await switchboard.get("/calls"))["items"]}
        return next(iter(now - known), None)

    call.id = await eventually(adopted, timeout=15, otherwise="the room was not adopted")
    await call.has_happened("opening_started")
    await caller.leave()
    await call.settled()


async def what_livekit_shows(switchboard: Switchboard) -> str:
    """Rooms, their metadata and the dispatches' as they are during the call."""
    rooms = (await switchboard.livekit.room.list_rooms(api.ListRoomsRequest())).rooms
    shown = [f"{room.name} {room.metadata}" for room in rooms]
    for room in rooms:
        for one in await switchboard.livekit.agent_dispatch.list_dispatch(room.name):
            shown.append(one.metadata)
    return "\n".join(shown)


async def search(
    stack: Stack, switchboard: Switchboard, rooms: str, copies: Path
) -> dict[str, bytes]:
    """Everything that a call leaves behind, but the record itself."""
    places = sqlite_contents(stack.run_dir / "temporal.db", copies)
    for log in (stack.run_dir / "logs").glob("*.log"):
        places[f"log of {log.stem}"] = log.read_bytes()
    places["LiveKit's rooms and dispatches"] = rooms.encode()
    places["S3"] = await asyncio.to_thread(object_names, stack)
    places["workflows"] = (await workflows(switchboard)).encode()
    async with httpx2.AsyncClient() as plain:
        for part, url in stack.description.metrics_urls.items():
            places[f"metrics of {part}"] = (await plain.get(url)).content
    return places


def object_names(stack: Stack) -> bytes:
    here = stack.description
    client = boto3.client(
        "s3",
        endpoint_url=here.s3_endpoint,
        region_name="us-east-1",
        aws_access_key_id=here.s3_access_key_id,
        aws_secret_access_key=here.s3_secret_access_key,
        config=Config(s3={"addressing_style": "path"}),
    )
    listed = client.list_objects_v2(Bucket=here.s3_bucket).get("Contents", [])
    assert listed, "The call's recording is not in S3."
    heads = [client.head_object(Bucket=here.s3_bucket, Key=one["Key"]) for one in listed]
    return repr([listed, heads]).encode()


async def workflows(switchboard: Switchboard) -> str:
    """Ids, queues, memos, search attributes: Temporal keeps them as they are."""
    return "\n".join([str(one.raw_info) async for one in switchboard.temporal.list_workflows("")])


def in_a_file(name: str, secret: str, folder: Path) -> dict[str, str]:
    """As containers are given their secrets; an empty variable counts as not given."""
    file = folder / name.lower()
    file.write_text(f"{secret}\n")
    return {name: "", f"{name}_FILE": str(file)}


def made(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    return folder


@asynccontextmanager
async def lived_through(tmp_path: Path, **settings: str) -> AsyncIterator[Searched]:
    ours = ("api", "worker", "atlas", "media-bot", "recorder")
    told_all = {"LOG_FORMAT": "json", "LOG_LEVEL": "DEBUG"}
    given = dict.fromkeys(ours, told_all | settings)
    given["atlas"] |= PROVIDER_KEYS
    keys = Keys.load_or_make(made(tmp_path / "run") / "keys.json")
    for part, names in SECRETS_OF.items():
        for name in names:
            secret = given[part].get(name) or getattr(keys, name.lower())
            given[part] |= in_a_file(name, secret, made(tmp_path / "secrets"))
    async with (
        Stack(tmp_path / "run", free_ports=True, without=["talk"], settings=given) as stack,
        Switchboard.of(stack) as switchboard,
    ):
        told = await live_through(switchboard)
        places = await search(stack, switchboard, told.pop("rooms"), tmp_path / "copies")
        yield Searched(
            places,
            sqlite_contents(stack.run_dir / "switchboard.db", tmp_path / "copies"),
            {
                **PROVIDER_KEYS,
                **told,
                "what a tool sends": TOOL_SECRET,
                "API key": keys.api_key,
                "LiveKit's secret": keys.livekit_api_secret,
                "S3 key id": keys.s3_access_key_id,
                "S3 secret": keys.s3_secret_access_key,
                "secret of the call tokens": keys.call_token_secret,
                "payload key": keys.payload_keys.partition(":")[2],
            },
        )


async def test_nothing_can_be_read_where_it_does_not_belong(tmp_path: Path) -> None:
    """Every process has its secrets from files, as in production, and logs all that it can."""
    async with lived_through(tmp_path) as searched:
        found = found_in(searched.places, searched.secrets | PERSONAL)
        # LiveKit's server logs its own participants by their identity.
        found.discard(("identity of one who came by himself", "log of livekit"))
        assert not found, lines_about(searched.places, found)
        in_record = found_in(searched.record, {"what a tool sends": TOOL_SECRET})
        assert not in_record, lines_about(searched.record, in_record)


async def test_the_search_finds_what_is_not_encrypted(tmp_path: Path) -> None:
    async with lived_through(tmp_path, PAYLOAD_ENCRYPTION="off") as searched:
        found = found_in(searched.places, searched.secrets | PERSONAL)
        in_temporal = {name for name, place in found if place.startswith("temporal.db")}
        assert in_temporal == THROUGH_TEMPORAL
        # And the record holds what was said, so that it is the record that was searched.
        name = "what the caller says"
        assert found_in(searched.record, {name: PERSONAL[name]})

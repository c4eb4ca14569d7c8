"""Calling telephones from the command line, and telling their calls what to do."""

from __future__ import annotations

import json
from typing import Any

from aiohttp import web

from tests.api.outbound import TO, given_trunk
from tests.api.service import Service
from tests.cli.conftest import Installation, Switchboard
from tests.cli.running import Ran, run
from tests.cli.small_api import SmallApi, problem, small_api, told

CALL = "call_01kafz9q0rmx5yt7w2e3n4p5q6"
STARTED = {
    "call_id": CALL,
    "room_name": CALL,
    "status": "queued",
    "links": {"self": f"/calls/{CALL}", "temporal": None},
}
RINGING = {
    "seq": 1,
    "at": "2026-11-21T12:00:00Z",
    "source": "bridge",
    "actor": "platform",
    "kind": "ringing",
    "text": "It rings.",
    "data": {},
}
OVER = {"call_id": CALL, "status": "ended", "ended_reason": "busy"}


async def command(api: SmallApi, *arguments: str) -> Ran:
    return await run(*arguments, environment=api.environment(SWITCHBOARD_PATIENCE="0"))


async def bodies(api: SmallApi) -> list[Any]:
    return [await request.json() for request in api.asked if request.method == "POST"]


async def events(_request: web.Request) -> web.StreamResponse:
    text = f"id: 1\ndata: {json.dumps(RINGING)}\n\n"
    return web.Response(text=text, content_type="text/event-stream")


async def test_a_telephone_is_called_and_the_call_followed_to_its_end() -> None:
    async with small_api(told(202, STARTED), events, told(200, OVER)) as api:
        made = await command(
            api,
            *("call", TO, "--trunk", "mumbai", "--assistant", "desk", "--from", "+912287654321"),
            *("--ring", "20", "--queue", "0", "--max-duration", "60", "--dtmf", "1w#"),
            *("--header", "X-Campaign=spring=1", "--attribute", "crm.ticket=A-17"),
            *("--metadata", "order=A-17", "--no-record", "--language", "hi-IN", "--json"),
        )
        assert made.code == 0, made.err
        asked = [(request.method, request.path) for request in api.asked]
        assert asked == [
            ("POST", "/call/outbound"),
            ("GET", f"/calls/{CALL}/events"),
            ("GET", f"/calls/{CALL}"),
        ]
        assert await bodies(api) == [
            {
                "to_number": TO,
                "trunk_id": "mumbai",
                "assistant_id": "desk",
                "from_number": "+912287654321",
                "record": False,
                "language": "hi-IN",
                "ringing_timeout_seconds": 20,
                "queue_seconds": 0.0,
                "max_duration_seconds": 60.0,
                "dtmf": "1w#",
                "headers": {"X-Campaign": "spring=1"},
                "attributes": {"crm.ticket": "A-17"},
                "metadata": {"order": "A-17"},
            }
        ]
    assert made.lines == [{"started": STARTED}, RINGING, {"call": OVER}]


async def test_a_fault_that_ended_the_call_is_the_exit_code() -> None:
    failed = OVER | {"ended_reason": "provider_error"}
    async with small_api(told(202, STARTED), events, told(200, failed)) as api:
        made = await command(api, "call", TO, "--trunk", "a", "--assistant", "b", "--json")
    assert made.code == 1


async def test_a_detached_call_is_one_document() -> None:
    async with small_api(told(202, STARTED)) as api:
        options = ("--trunk", "a", "--assistant", "b", "--detach")
        made = await command(api, "call", TO, *options, "--json")
        shown = await command(api, "call", TO, *options)
    assert (made.code, made.document) == (0, STARTED)
    assert CALL in shown.out
    assert f"switchboard calls hangup {CALL}" in shown.err


async def test_the_only_trunk_need_not_be_named(
    installation: Installation, switchboard: Switchboard
) -> None:
    service: Service = installation.service
    none = await switchboard("call", TO)
    await given_trunk(service)
    only = await switchboard("call", TO)
    await given_trunk(service, id="delhi")
    several = await switchboard("call", TO)
    assert (none.code, only.code, several.code) == (2, 7, 2)  # 7: Temporal is away
    assert "trunks create" in none.err
    assert "delhi, mumbai" in several.err


async def test_what_the_api_refuses_is_named_by_field(
    installation: Installation, switchboard: Switchboard
) -> None:
    await given_trunk(installation.service)
    refused = await switchboard("call", "+19005550123", "--header", "Via=x")
    assert refused.code == 5
    assert "to_number" in refused.err
    assert "premium" in refused.err
    assert "headers" in refused.err
    assert (await switchboard("call", TO, "--header", "X-A")).code == 2


async def test_a_clip_is_played_and_stopped_and_the_assistants_hold_resumed() -> None:
    links = {"links": STARTED["links"], "call_id": CALL}
    address = "https://assets.example/clip.mp3"
    answers = (links | {"command_id": "media-1"}, links, links | {"holders": []})
    async with small_api(*(told(200, answer) for answer in answers)) as api:
        played = await command(api, "calls", "play", CALL, address, "--loop")
        stopped = await command(api, "calls", "stop-playing", CALL)
        resumed = await command(api, "calls", "resume", CALL, "--holder", "assistant")
        assert await bodies(api) == [
            {"asset_url": address, "loop": True},
            {},
            {"reason": "", "holder": "assistant"},
        ]
    assert "media-1" in played.err
    assert "no clip" in stopped.err
    assert "goes on" in resumed.err


async def test_the_language_of_a_transcription_is_changed() -> None:
    changed = told(200, {"links": STARTED["links"], "call_id": CALL, "language": "de-AT"})
    async with small_api(changed, problem(409, "call-not-transcribed")) as api:
        said = await command(api, "calls", "language", CALL, "de-AT")
        refused = await command(api, "calls", "language", CALL, "de")
        assert await bodies(api) == [{"language": "de-AT"}, {"language": "de"}]
    assert "in de-AT from here on" in said.err
    assert refused.code == 6


async def test_a_call_is_commanded() -> None:
    links = {"links": STARTED["links"], "call_id": CALL}
    held = told(200, links | {"holders": ["operator"]})
    resumed = told(200, links | {"holders": []})
    pressed = told(200, links | {"keys": 3})
    handed_on = told(200, links | {"sip_status": 200, "sip_phrase": "OK"})
    async with small_api(held, resumed, pressed, handed_on) as api:
        said = [
            (await command(api, "calls", *words)).err
            for words in (
                ("hold", CALL, "--reason", "looking it up"),
                ("resume", CALL),
                ("dtmf", CALL, "12#"),
                ("transfer", CALL, TO),
            )
        ]
        assert await bodies(api) == [
            {"reason": "looking it up"},
            {"reason": "", "holder": "operator"},
            {"digits": "12#"},
            {"to": TO},
        ]
    for told_, part in zip(
        said, ("on hold, by: operator", "goes on", "3 pressed", "200 OK"), strict=True
    ):
        assert part in told_
    for words in (("hold",), ("resume",), ("dtmf", "1"), ("transfer", TO)):
        async with small_api(problem(409, "call-ended")) as api:
            what, *more = words
            refused = await command(api, "calls", what, CALL, *more, "--json")
        assert (refused.code, refused.document["error"]["code"]) == (6, "call-ended")

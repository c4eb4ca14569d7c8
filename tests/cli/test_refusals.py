"""What a script can rely on when something is refused: exit code, one document, one sentence."""

from __future__ import annotations

import asyncio
import signal

import pytest

from contract.identity import new_call_id
from contract.steps import WriteRecord
from store.api_keys import Role
from store.calls import Calls
from tests.api.service import free_port
from tests.api.test_problems_and_keys import given_key
from tests.cli.conftest import Installation, Switchboard
from tests.cli.running import finish, run, start
from tests.cli.test_calls import entry


async def test_a_wrong_key_is_4(switchboard: Switchboard) -> None:
    refused = await switchboard("calls", "list", SWITCHBOARD_API_KEY="nobody")
    assert (refused.code, refused.out) == (4, "")
    assert "[unauthorised]" in refused.err


async def test_a_role_that_may_not_is_4(
    installation: Installation, switchboard: Switchboard
) -> None:
    await given_key(installation.service, "auditors-key", "default", Role.AUDITOR)
    refused = await switchboard("calls", "start", "demo", SWITCHBOARD_API_KEY="auditors-key")
    assert refused.code == 4
    assert "auditor" in refused.err


async def test_what_is_not_there_is_3_and_the_problem_is_the_document(
    switchboard: Switchboard,
) -> None:
    for call in (new_call_id(), "call_x", "../assistants/demo", "%2e%2e"):
        missing = await switchboard("calls", "show", call, "--json")
        assert missing.code == 3
        assert missing.document["error"]["exit_code"] == 3
    missing = await switchboard("calls", "show", "call_x", "--json")
    assert missing.document["error"]["code"] == "call-not-found"
    assert missing.document["error"]["status"] == 404


async def test_what_is_invalid_is_5_with_each_field(switchboard: Switchboard) -> None:
    body = '{"name": "x", "llm": {"temperature": 9}, "colour": "red"}'
    refused = await switchboard("assistants", "create", stdin=body)
    assert refused.code == 5
    assert "llm.temperature: " in refused.err
    assert "colour: " in refused.err
    as_json = await switchboard("--json", "assistants", "create", "-", stdin=body)
    fields = {fault["field"] for fault in as_json.document["error"]["errors"]}
    assert fields == {"body.llm.temperature", "body.colour"}


async def test_a_service_that_is_away_is_7(switchboard: Switchboard) -> None:
    away = await switchboard("calls", "start", "demo")
    assert away.code == 7
    assert "[unavailable]" in away.err
    assert "switchboard doctor" in away.err


async def test_nobody_listening_is_7_at_once(switchboard: Switchboard) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    away = await switchboard("calls", "list", "--api-url", url, SWITCHBOARD_PATIENCE="60")
    assert away.code == 7
    assert url in away.err


@pytest.mark.parametrize(
    "line",
    [
        ["calls", "list", "--status", "gone"],
        ["calls", "list", "--limit", "0"],
        ["calls", "start", "demo", "--metadata", "x"],
        ["calls", "show"],
        ["nonsense"],
        ["assistants", "create", "/there/is/no/such/file.yaml"],
        ["keys", "create", "x", "--role", "operator", "--expires", "soon"],
        ["calls", "list", "--api-url", "localhost:8080"],
        ["smoke", "demo", "--say", "/etc/hostname"],
    ],
    ids=" ".join,
)
async def test_misuse_is_2(switchboard: Switchboard, line: list[str]) -> None:
    refused = await switchboard(*line)
    assert (refused.code, refused.out) == (2, "")
    assert refused.err


async def test_without_an_installation_the_way_out_is_told(tmp_path: object) -> None:
    lost = await run("calls", "list", environment={"SWITCHBOARD_RUN_DIR": str(tmp_path)})
    assert lost.code == 2
    assert "SWITCHBOARD_API_URL" in lost.err


async def test_ctrl_c_is_130_without_a_traceback(installation: Installation) -> None:
    call_id = new_call_id()
    await installation.service.given_call(call_id)
    async with installation.service.parts.database.session() as session:
        news = WriteRecord(call_id=call_id, entries=(entry(1, "room_opened"),))
        await Calls(session).write(news)
    watching = await start("calls", "watch", call_id, environment=installation.environment)
    assert watching.stdout is not None
    assert b"Line 1" in await asyncio.wait_for(watching.stdout.readline(), 30)
    watching.send_signal(signal.SIGINT)
    stopped = await finish(watching, limit=10)
    assert stopped.code == 130
    assert "Interrupted" in stopped.err

"""What doctor makes of what an installation tells, whatever parts it names."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import web
from rich.console import Console

from cli.doctor.clocks import compare_clocks
from cli.report import Report, Verdict
from cli.screen import Screen
from tests.cli.running import Ran, run
from tests.cli.small_api import SmallApi, small_api, told

GOOD_KEY = {"name": "ops", "role": "operator", "tenant_id": "default"}
PROVIDERS = {"groq": {"key_set": True, "host": "api.groq.com"}}


def probed(**changes: Any) -> list[dict[str, Any]]:
    parts = {
        "worker": {"ok": True, "detail": "", "data": {}},
        "atlas": {"ok": True, "detail": "", "data": {"providers": PROVIDERS}},
        "media-bot": {"ok": True, "detail": "", "data": {}},
        "livekit_webhooks": {"ok": True, "detail": "", "data": {}},
    }
    return [{"name": name} | part | changes.get(name, {}) for name, part in parts.items()]


async def examine(
    *,
    parts: dict[str, Any] | None = None,
    key: dict[str, Any] = GOOD_KEY,
    ahead: timedelta = timedelta(),
    probe: list[dict[str, Any]] | None = None,
) -> Ran:
    """One look at an installation that says this."""

    async def installation(request: web.Request) -> web.StreamResponse:
        known = {"version": "1", "livekit_url": f"ws://{request.host}", "key": key}
        return web.json_response(known | {"time": (datetime.now(UTC) + ahead).isoformat()})

    readiness = {"status": "x", "parts": parts if parts is not None else {"temporal": {"ok": True}}}
    answers = [
        told(200, {"status": "ok"}),
        installation,
        told(200, readiness),
        told(200, "OK"),  # LiveKit's page
        told(200, {"parts": probe if probe is not None else probed()}),
    ]
    async with small_api(*answers) as api:
        return await look(api)


async def look(api: SmallApi) -> Ran:
    return await run("doctor", "--json", environment=api.environment())


def wrong(ran: Ran) -> dict[str, dict[str, Any]]:
    return {c["name"]: c for c in ran.document["checks"] if c["verdict"] != "ok"}


async def test_an_installation_elsewhere_that_is_well_is_0() -> None:
    ran = await examine()
    assert (ran.code, wrong(ran)) == (0, {})
    names = [check["name"] for check in ran.document["checks"]]
    assert {"temporal", "worker", "Atlas", "Media Bot", "groq", "clocks"} <= set(names)
    assert "processes" not in names  # nothing of this machine's stack matters there


async def test_parts_that_nobody_here_has_heard_of_are_shown() -> None:
    part = {
        "ok": False,
        "needed": False,
        "detail": "3 workflows cannot go on",
        "without_it": "They stand still.",
        "link": "http://temporal-ui/?query=stuck",
    }
    ran = await examine(parts={"flux_capacitor": part, "workflow_tasks": part})
    assert ran.code == 1
    found = wrong(ran)
    assert set(found) == {"flux_capacitor", "workflow_tasks"}
    assert found["workflow_tasks"]["detail"] == "3 workflows cannot go on. They stand still"
    assert part["link"] in found["workflow_tasks"]["next_step"]
    assert "Roll the worker back" in found["workflow_tasks"]["next_step"]


async def test_a_part_that_is_known_to_be_away_is_told_once() -> None:
    away = {"ok": False, "detail": "no worker"}
    ran = await examine(parts={"worker": away}, probe=probed(worker=away))
    assert [c["name"] for c in ran.document["checks"]].count("worker") == 1


async def test_each_part_that_the_probe_misses_is_named() -> None:
    away = {"ok": False, "detail": "Nobody took the job.", "data": {}}
    ran = await examine(probe=probed(atlas=away, livekit_webhooks=away))
    assert set(wrong(ran)) == {"Atlas", "LiveKit's webhooks"}
    assert "webhook.urls" in wrong(ran)["LiveKit's webhooks"]["next_step"]


async def test_a_provider_without_a_key_is_named_with_its_setting() -> None:
    bare = {"elevenlabs": {"key_set": False, "host": "api.elevenlabs.io"}}
    ran = await examine(probe=probed(atlas={"data": {"providers": bare}}))
    assert "ELEVEN_API_KEY" in wrong(ran)["elevenlabs"]["next_step"]


async def test_an_auditors_key_cannot_look_everywhere_and_doctor_says_so() -> None:
    ran = await examine(key=GOOD_KEY | {"role": "auditor"})
    assert (ran.code, set(wrong(ran))) == (1, {"agents and webhooks"})


async def test_a_clock_that_is_off_is_found() -> None:
    ran = await examine(ahead=timedelta(minutes=10))
    assert wrong(ran)["clocks"]["verdict"] == "failed"


@pytest.mark.parametrize(
    ("api", "livekit", "verdict"),
    [
        (0.3, -0.4, Verdict.OK),
        (0.0, None, Verdict.OK),
        (20.0, 20.0, Verdict.WARNING),  # this machine's is off, tokens are good
        (20.0, None, Verdict.WARNING),
        (0.0, -20.0, Verdict.WARNING),
        (-100.0, 100.0, Verdict.FAILED),
        (0.0, 300.0, Verdict.FAILED),
    ],
)
def test_what_matters_is_that_api_and_livekit_agree(
    api: float, livekit: float | None, verdict: Verdict
) -> None:
    screen = Screen(as_json=False)
    screen.out = Console(file=io.StringIO())
    report = Report(screen)
    compare_clocks(report, api, livekit)
    assert [check.verdict for check in report.checks] == [verdict]

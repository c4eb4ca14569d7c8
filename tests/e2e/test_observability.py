"""A real call, as it is seen in every process' log and in what Prometheus scrapes."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
import pytest_asyncio
from prometheus_client.parser import text_string_to_metric_families

from sandbox.stack import Stack
from tests.e2e.switchboard import Switchboard, eventually

pytestmark = [pytest.mark.stack, pytest.mark.asyncio(loop_scope="module")]

CHECKOUT = Path(__file__).parents[2]
AGENTS = ("atlas", "media-bot")
PROCESSES = ("api", "worker", *AGENTS)
SHAPE = {"timestamp", "level", "process", "logger", "event"}

Samples = dict[str, float]  # by name, labels included


@dataclass(frozen=True)
class Observed:
    call_id: str
    logs: dict[str, list[dict[str, Any]]]
    during: dict[str, Samples]
    after: dict[str, Samples]
    pages: dict[str, Any]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def observed(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Observed]:
    folder: Path = tmp_path_factory.mktemp("observed") / "run"
    as_json = {part: {"LOG_FORMAT": "json"} for part in PROCESSES}
    async with (
        Stack(folder, free_ports=True, without=["talk"], settings=as_json) as stack,
        Switchboard.of(stack) as switchboard,
    ):
        call = await switchboard.place_call(record=True)
        caller = await call.join()
        await call.turns(1)
        during = await scrape(stack)
        await caller.leave()
        await call.settled()
        after = await settled_metrics(stack)
        pages = await worker_pages(stack)
        await stack.kill("worker")
        logs = {part: lines_of(folder / "logs" / f"{part}.log") for part in PROCESSES}
        yield Observed(call.id, logs, during, after, pages)


async def settled_metrics(stack: Stack) -> dict[str, Samples]:
    """Once the agents' jobs are over and the recording's workflow has ended too."""
    found: dict[str, Samples] = {}

    async def is_over() -> bool:
        found.update(await scrape(stack))
        jobs = sum(summed(found[agent], "lk_agents_active_job_count") for agent in AGENTS)
        return jobs == 0 and summed(found["worker"], "temporal_workflow_completed_total") >= 2

    await eventually(is_over, timeout=20, otherwise="The metrics never showed the call's end.")
    return found


async def scrape(stack: Stack) -> dict[str, Samples]:
    found = {}
    async with httpx2.AsyncClient() as plain:
        for part, url in stack.description.metrics_urls.items():
            answer = await plain.get(url)
            assert answer.status_code == 200
            families = list(text_string_to_metric_families(answer.text))
            found[part] = {
                sample.name + str(dict(sorted(sample.labels.items()))): sample.value
                for family in families
                for sample in family.samples
            }
            # With labels there is no sample before the first event, as of a phone in a web call.
            found[part] |= {
                family.name + ("_total" if family.type == "counter" else ""): 0.0
                for family in families
                if not family.samples
            }
    return found


async def worker_pages(stack: Stack) -> dict[str, Any]:
    base = stack.description.metrics_urls["worker"].removesuffix("/metrics")
    async with httpx2.AsyncClient(base_url=base) as plain:
        pages = {page: await plain.get(page) for page in ("/healthz", "/readyz")}
    return {page: (answer.status_code, answer.json()) for page, answer in pages.items()}


def lines_of(log: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.read_text().splitlines()]


def summed(samples: Samples, name: str) -> float:
    return sum(value for key, value in samples.items() if key.partition("{")[0] == name)


@pytest.mark.parametrize("process", PROCESSES)
async def test_every_line_has_one_shape(observed: Observed, process: str) -> None:
    for line in observed.logs[process]:
        assert line.keys() >= SHAPE, line
        assert line["process"] == process


@pytest.mark.parametrize("process", PROCESSES)
async def test_lines_about_the_call_name_it(observed: Observed, process: str) -> None:
    named = [line for line in observed.logs[process] if line.get("call_id") == observed.call_id]
    assert named
    tellers = {line["logger"].partition(".")[0] for line in named}
    expected = {
        "api": {"api"},
        "worker": {"activities"},
        "atlas": {"agents", "livekit"},  # livekit's own records too
        "media-bot": {"agents", "livekit"},
    }[process]
    assert tellers >= expected


@pytest.mark.parametrize("process", AGENTS)
async def test_whatever_an_agent_logs_of_a_job_names_the_call(
    observed: Observed, process: str
) -> None:
    of_the_job = [line for line in observed.logs[process] if "job_id" in line]
    assert of_the_job
    # The server's first line precedes the job's acceptance, which names both.
    nameless = [line["event"] for line in of_the_job if "call_id" not in line]
    assert set(nameless) <= {"received job request"}


async def test_the_call_is_counted(observed: Observed) -> None:
    worker = observed.after["worker"]
    assert summed(worker, "calls_started_total") == 1
    assert worker["calls_ended_total{'ended_by': 'caller', 'reason': 'caller_hung_up'}"] == 1
    assert summed(worker, "call_setup_seconds_count") == 1
    assert 0 < summed(worker, "call_setup_seconds_sum") < 30
    assert summed(worker, "call_answer_to_first_word_seconds_count") == 1
    assert summed(worker, "call_answer_to_first_word_seconds_sum") < 10
    assert summed(worker, "call_cost_total") > 0
    assert summed(observed.during["worker"], "calls_ended_total") == 0


async def test_temporals_metrics_stand_beside_ours(observed: Observed) -> None:
    worker = observed.after["worker"]
    assert summed(worker, "temporal_workflow_completed_total") >= 2  # the call, its recording
    assert summed(worker, "temporal_activity_execution_latency_seconds_count") > 5


@pytest.mark.parametrize("agent", AGENTS)
async def test_an_agents_job_is_seen_while_it_lasts(observed: Observed, agent: str) -> None:
    assert summed(observed.during[agent], "lk_agents_active_job_count") == 1
    assert summed(observed.after[agent], "lk_agents_active_job_count") == 0
    assert summed(observed.after[agent], "lk_agents_proc_initialize_duration_seconds_count") >= 1


async def test_requests_are_counted_by_route(observed: Observed) -> None:
    api = observed.after["api"]
    started = "{'method': 'POST', 'route': '/web_call/get_token', 'status': '200'}"
    assert api["http_requests_total" + started] == 1
    assert summed(api, "http_request_seconds_count") == summed(api, "http_requests_total")
    told = "{'event': 'participant_joined', 'outcome': 'told'}"
    assert api["livekit_webhooks_total" + told] >= 1
    # No label holds an id: they would grow for ever.
    assert not [key for part in observed.after.values() for key in part if "call_0" in key]


async def test_the_worker_tells_how_it_is(observed: Observed) -> None:
    assert observed.pages["/healthz"] == (200, {"status": "ok"})
    status, told = observed.pages["/readyz"]
    assert (status, told["status"]) == (200, "ready")
    assert {name: part["ok"] for name, part in told["parts"].items()} == {
        "temporal": True,
        "database": True,
        "livekit": True,
        "egress": True,
        "object_store": True,
    }


def questions() -> dict[str, str]:
    """Every PromQL expression of the board and of the document."""
    board = json.loads((CHECKOUT / "deploy" / "grafana" / "calls.json").read_text())
    asked = {
        f"{panel['title']} {target['refId']}": target["expr"]
        for panel in board["panels"]
        for target in panel["targets"]
    }
    page = (CHECKOUT / "docs" / "observability.md").read_text()
    code = [block for number, block in enumerate(page.split("```")) if number % 2]
    asked["docs"] = next(block for block in code if "histogram_quantile" in block)
    return asked


async def test_whatever_the_board_asks_for_exists(observed: Observed) -> None:
    exists = {key.partition("{")[0] for part in observed.after.values() for key in part}
    ours = r"\b(?:calls?|recordings|http|livekit|lk_agents|temporal|bridge)_[a-z_]+"
    asked = questions()
    assert len(asked) > 10
    for title, expression in asked.items():
        names = set(re.findall(ours, expression))
        assert names, title
        assert names <= exists, f"{title}: {sorted(names - exists)}"

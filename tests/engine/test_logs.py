"""One shape for all processes, and no word of a caller in it."""

from __future__ import annotations

import json
import logging
import sys

import pytest
import structlog

from contract.identity import new_call_id
from engine.log_contents import CallsOfJobs, calls_of_jobs
from engine.logs import formatter, set_up_logs

WORDS = "my number is 555 0123"


def record(name: str, level: int, message: str, **extra: object) -> logging.LogRecord:
    try:
        raise ValueError(WORDS)
    except ValueError:
        made = logging.LogRecord(name, level, __file__, 1, message, (), sys.exc_info())
    made.__dict__.update(extra)
    return made


@pytest.mark.parametrize("form", ["json", "console"])
def test_no_word_of_a_caller_reaches_a_line(form: str) -> None:
    leaky = record(
        "livekit.agents",
        logging.ERROR,
        f"AgentSession is closing due to unrecoverable error: {WORDS}",
        call_id="call_1",
        **{"lk.pii.user_input": WORDS, "participant": "sip_5550123", "room": "lobby-5550123"},
    )
    line = formatter("atlas", form).format(leaky)
    assert "555" not in line
    assert "call_1" in line
    assert "ValueError" in line


def test_a_line_of_ours_has_its_fields() -> None:
    made = record("agents.turns", logging.INFO, "posted: %s", count=3, call_id="call_1")
    made.args = ("all",)
    line = json.loads(formatter("atlas", "json").format(made))
    shape = ["timestamp", "level", "process", "logger", "event", "call_id"]
    assert list(line)[: len(shape)] == shape
    assert (line["event"], line["count"], line["process"]) == ("posted: all", 3, "atlas")
    assert line["timestamp"].endswith("Z")


@pytest.mark.parametrize(
    ("workflow_id", "call_id"),
    [
        ("call_01abc", "call_01abc"),
        ("rec_01abc", "call_01abc"),
        ("janitor_01abc", "call_01abc"),
        ("erase_01abc", "call_01abc"),
        ("room-watch", None),
    ],
)
def test_what_temporal_logs_names_its_call(workflow_id: str, call_id: str | None) -> None:
    made = record(
        "temporalio.workflow",
        logging.WARNING,
        "A fact was dropped: it has no kind",
        temporal_workflow={"workflow_id": workflow_id, "workflow_type": "CallWorkflow"},
    )
    line = json.loads(formatter("worker", "json").format(made))
    assert line.get("call_id") == call_id
    assert line["workflow"] == "CallWorkflow"
    assert line["event"] == "A fact was dropped: it has no kind"


def test_what_livekit_logs_of_a_job_names_its_call() -> None:
    calls_of_jobs.remember("AJ_1", "call_1")
    made = record("livekit.agents", logging.INFO, "process exiting", job_id="AJ_1", room="lobby-5")
    assert json.loads(formatter("atlas", "json").format(made))["call_id"] == "call_1"


def test_a_room_of_ours_names_its_call() -> None:
    for room, named in ((call := new_call_id(), call), ("lobby-5550123", None)):
        made = record("livekit.agents", logging.INFO, "received job request", room=room)
        assert json.loads(formatter("atlas", "json").format(made)).get("call_id") == named


def test_only_so_many_jobs_are_remembered() -> None:
    jobs = CallsOfJobs(limit=2)
    for number in range(3):
        jobs.remember(f"AJ_{number}", f"call_{number}")
    assert [jobs.call_of(f"AJ_{number}") for number in range(3)] == [None, "call_1", "call_2"]


def test_a_structlog_line_has_the_same_shape(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs("api", "INFO", "json")
    log = structlog.get_logger("api.example")
    with structlog.contextvars.bound_contextvars(call_id="call_1"):
        log.info("request", status=200)
        try:
            raise ValueError(WORDS)
        except ValueError:
            log.exception("unexpected")
    request, unexpected = map(json.loads, capsys.readouterr().err.splitlines())
    assert (request["event"], request["call_id"], request["status"]) == ("request", "call_1", 200)
    assert request["process"] == "api"
    assert unexpected["trace"][-1] == "ValueError"
    assert WORDS not in str(unexpected)

from __future__ import annotations

import json
import logging
import sys

from agents.logs import _ConsoleLine, _JsonLine

WORDS = "my number is 555 0123"


def record(name: str, level: int, message: str, **extra: object) -> logging.LogRecord:
    try:
        raise ValueError(WORDS)
    except ValueError:
        made = logging.LogRecord(name, level, __file__, 1, message, (), sys.exc_info())
    made.__dict__.update(extra)
    return made


def test_no_word_of_a_caller_reaches_a_line() -> None:
    leaky = record(
        "livekit.agents",
        logging.ERROR,
        f"AgentSession is closing due to unrecoverable error: {WORDS}",
        call_id="call_1",
        **{"lk.pii.user_input": WORDS, "participant": "sip_5550123", "room": "lobby-5550123"},
    )
    for formatter in (_JsonLine(), _ConsoleLine()):
        line = formatter.format(leaky)
        assert "555" not in line
        assert "call_1" in line
        assert "ValueError" in line


def test_a_json_line_has_the_event_and_our_fields() -> None:
    line = json.loads(_JsonLine().format(record("agents.turns", logging.INFO, "posted", count=3)))
    assert line["event"] == "posted"
    assert line["count"] == 3
    assert line["level"] == "info"

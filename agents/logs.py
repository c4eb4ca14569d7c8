"""Logs to stderr, one line each, with no word, name or number of a caller.

Job processes send their records to the agent server's process, so formatting happens only here.
"""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime

# Only these extra fields are written. livekit-agents attaches transcripts (`lk.pii.*`), identities
# and room names to its records, and an adopted room's name may carry a phone number.
_FIELDS = (
    "call_id",
    "role",
    "generation",
    "fact",
    "error",
    "reason",
    "count",
    "seconds",
    "status",
    "tool",
    "job_id",
    "agent_name",
    "pid",
    "elapsed_time",
    "plugin",
)
_OURS = ("agents", "contract", "engine")
# Libraries that tell every request, with its URL and sometimes its content.
_TOO_TALKATIVE = ("httpx2", "httpcore2", "openai", "aiohttp.access", "asyncio", "livekit.plugins")


def configure(level: str, form: str) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonLine() if form == "json" else _ConsoleLine())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in _TOO_TALKATIVE:
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLevelName(level)))
    # At DEBUG livekit-agents writes what was said; our own parts never do.
    logging.getLogger("livekit.agents").setLevel(max(logging.INFO, logging.getLevelName(level)))
    # The media library's own; it tells room names at INFO.
    logging.getLogger("livekit").setLevel(max(logging.WARNING, logging.getLevelName(level)))


def event_of(record: logging.LogRecord) -> str:
    """The record's message, cut where a foreign library may quote a provider's answer."""
    message = record.getMessage()
    if record.name.split(".")[0] in _OURS or record.levelno < logging.WARNING:
        return message.splitlines()[0] if message else ""
    # A provider's error can repeat the caller's words: "...unrecoverable error: <body>".
    return message.partition(": ")[0].splitlines()[0] if message else ""


def _trace_of(record: logging.LogRecord) -> list[str]:
    """Where an exception came from and its type, but not its message."""
    if record.exc_text is None and record.exc_info:
        record.exc_text = logging.Formatter().formatException(record.exc_info)
    if not record.exc_text:
        return []
    lines = record.exc_text.splitlines()
    frames = [line.strip() for line in lines if line.lstrip().startswith("File ")]
    kinds = [
        line.partition(":")[0]
        for line in lines
        if line[:1].isalpha() and " " not in line.partition(":")[0]
    ]
    return [*frames[-3:], *kinds[-1:]]


class _JsonLine(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": event_of(record),
        }
        line |= {name: vars(record)[name] for name in _FIELDS if name in vars(record)}
        if trace := _trace_of(record):
            line["trace"] = trace
        return json.dumps(line, default=str)


class _ConsoleLine(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).strftime("%H:%M:%S.%f")[:-3]
        fields = "".join(
            f" {name}={vars(record)[name]}" for name in _FIELDS if name in vars(record)
        )
        trace = "".join(f"\n    {line}" for line in _trace_of(record))
        return f"{at} {record.levelname:<7} {record.name}: {event_of(record)}{fields}{trace}"

"""Structured logs of every process, in one shape: one event a line, never a caller's words.

Every line has `timestamp level process logger event`, and `call_id` when it is about a call. What
other libraries add to their records is written only if it is known to be harmless: they attach
transcripts, room names that carry phone numbers, and bodies of requests to their messages.
"""

from __future__ import annotations

import logging
import sys
from datetime import UTC, datetime
from typing import Any

import structlog
from structlog.typing import EventDict, Processor

from engine.log_contents import call_of, event_of, fields_of, trace_of, trace_of_text

_FIRST = ("timestamp", "level", "process", "logger", "event", "call_id")
# Libraries that tell every request, with its URL and sometimes its content.
_TOO_TALKATIVE = (
    *("aiosqlite", "asyncio", "httpx2", "httpcore2", "botocore", "boto3", "s3transfer", "urllib3"),
    *("uvicorn.access", "aiohttp.access", "openai", "livekit.plugins", "sqlalchemy"),
    # The media library's own; it tells room names at INFO.
    "livekit",
)


def set_up_logs(process: str, level: str, form: str) -> None:
    """To stderr. `form` is `json` or `console`; records of libraries come out in the same shape."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter(process, form, colors=sys.stderr.isatty()))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in _TOO_TALKATIVE:
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLevelName(level)))
    # At DEBUG livekit-agents writes what was said, and Temporal's worker whole payloads.
    for name in ("livekit.agents", "temporalio.worker"):
        logging.getLogger(name).setLevel(max(logging.INFO, logging.getLevelName(level)))


def formatter(process: str, form: str, *, colors: bool = False) -> logging.Formatter:
    renderer: Processor = (
        structlog.processors.JSONRenderer()
        if form == "json"
        else structlog.dev.ConsoleRenderer(colors=colors, sort_keys=False)
    )
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            _when_it_happened,
            _of_a_library,
        ],
        processors=[
            _of(process),
            _with_trace,
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            _in_order,
            renderer,
        ],
    )


def _of(process: str) -> Processor:
    def name_it(_logger: object, _method: str, event: EventDict) -> EventDict:
        event["process"] = process
        return event

    return name_it


def _when_it_happened(_logger: object, _method: str, event: EventDict) -> EventDict:
    """A job process' record is written by its server's process, a moment later."""
    at = datetime.fromtimestamp(event["_record"].created, UTC)
    event["timestamp"] = at.isoformat(timespec="microseconds").replace("+00:00", "Z")
    return event


def _of_a_library(_logger: object, _method: str, event: EventDict) -> EventDict:
    """Also our own parts that use the standard library's logging."""
    record: logging.LogRecord = event["_record"]
    event["event"] = event_of(record.name, record.levelno, event["event"])
    event.update(fields_of(record))
    if call_id := call_of(record):
        event["call_id"] = call_id
    if trace := trace_of(record):
        event["trace"] = trace
    event.pop("exc_info", None)
    return event


def _with_trace(_logger: object, _method: str, event: EventDict) -> EventDict:
    """Structlog's own `log.exception`."""
    error: Any = event.pop("exc_info", None)
    if error:
        error = sys.exc_info() if error is True else error
        error = error if isinstance(error, tuple) else (type(error), error, error.__traceback__)
        if error[0] is not None:
            event["trace"] = trace_of_text(logging.Formatter().formatException(error))
    return event


def _in_order(_logger: object, _method: str, event: EventDict) -> EventDict:
    first: EventDict = {n: event.pop(n) for n in _FIRST if event.get(n) is not None}
    event.pop("call_id", None)
    return {**first, **event}

"""Structured logs of the API and the worker: one event a line, never a caller's words or number."""

from __future__ import annotations

import logging
import sys

import structlog
from structlog.typing import EventDict, Processor


def _of(process: str) -> Processor:
    def name_it(_logger: object, _method: str, event: EventDict) -> EventDict:
        event["process"] = process
        return event

    return name_it


def set_up_logs(process: str, level: str, form: str) -> None:
    """`form` is `json` or `console`; records of libraries come out in the same shape."""
    shared: list[Processor] = [
        _of(process),
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    renderer: Processor = (
        structlog.processors.JSONRenderer()
        if form == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                renderer,
            ],
        )
    )
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for talkative in ("aiosqlite", "asyncio", "httpx2", "botocore", "boto3", "uvicorn.access"):
        logging.getLogger(talkative).setLevel(logging.WARNING)

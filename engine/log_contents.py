"""What of a log record may be written: no word, name or number of a caller can be in it."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from contract.identity import is_call_id

_OURS = (
    *("activities", "agents", "api", "contract", "engine", "sandbox", "store", "workflows"),
    "worker_main",
    "bridge_worker",
)
# Loggers of the Temporal SDK that carry our own messages.
_OURS_BY_TEMPORAL = ("temporalio.workflow", "temporalio.activity")

# Only these extra fields are written. livekit-agents attaches transcripts (`lk.pii.*`), identities
# and room names to its records, and an adopted room's name may carry a phone number.
_FIELDS = (
    *("role", "generation", "fact", "error", "reason", "count", "seconds", "status", "tool"),
    *("job_id", "agent_name", "pid", "elapsed_time", "plugin", "address", "port"),
)
_OF_TEMPORAL = {
    "temporal_activity": {"activity_type": "step", "attempt": "attempt"},
    "temporal_workflow": {"workflow_type": "workflow", "attempt": "attempt"},
}
_CALL = "call_"
_OF_A_CALL = ("rec_", "janitor_", "erase_")


def event_of(logger: str, level: int, message: str) -> str:
    """A record's message, cut where a foreign library may quote a provider's answer."""
    first = message.splitlines()[0] if message else ""
    if is_ours(logger) or level < logging.WARNING:
        return first
    # A provider's error can repeat the caller's words: "...unrecoverable error: <body>".
    return first.partition(": ")[0]


def is_ours(logger: str) -> bool:
    return logger.partition(".")[0] in _OURS or logger in _OURS_BY_TEMPORAL


def fields_of(record: logging.LogRecord) -> dict[str, Any]:
    extra = vars(record)
    found = {name: extra[name] for name in _FIELDS if name in extra}
    for info, names in _OF_TEMPORAL.items():
        if isinstance(given := extra.get(info), Mapping):
            found |= {ours: given[name] for name, ours in names.items() if name in given}
    if run_id := _of_core(extra).get("run_id"):
        found["run_id"] = run_id
    return found


class CallsOfJobs:
    """Which call an agent server's job is for: livekit's own records name the job only."""

    def __init__(self, limit: int = 1000) -> None:
        self._limit = limit
        self._calls: OrderedDict[str, str] = OrderedDict()

    def remember(self, job_id: str, call_id: str) -> None:
        self._calls[job_id] = call_id
        while len(self._calls) > self._limit:
            self._calls.popitem(last=False)

    def call_of(self, job_id: object) -> str | None:
        return self._calls.get(str(job_id))


calls_of_jobs = CallsOfJobs()
"""Of this process, as its log is."""


def call_of(record: logging.LogRecord) -> str | None:
    extra = vars(record)
    if call_id := extra.get("call_id"):
        return str(call_id)
    if call_id := calls_of_jobs.call_of(extra.get("job_id")):
        return call_id
    if is_call_id(room := str(extra.get("room", ""))):
        return room  # our own rooms are named after their call
    for info in (*(extra.get(name) for name in _OF_TEMPORAL), _of_core(extra)):
        if isinstance(info, Mapping) and info.get("workflow_id"):
            return call_of_workflow(str(info["workflow_id"]))
    return None


def _of_core(extra: Mapping[str, Any]) -> Mapping[str, Any]:
    """What Temporal's core adds to a record that it forwards to Python."""
    fields = getattr(extra.get("temporal_log"), "fields", None)
    return fields if isinstance(fields, Mapping) else {}


def call_of_workflow(workflow_id: str) -> str | None:
    """The call that a workflow is about; None for those that are about no single one."""
    if workflow_id.startswith(_CALL):
        return workflow_id
    for prefix in _OF_A_CALL:
        if workflow_id.startswith(prefix):
            return _CALL + workflow_id.removeprefix(prefix)
    return None


def trace_of(record: logging.LogRecord) -> list[str]:
    if record.exc_text is None and record.exc_info:
        record.exc_text = logging.Formatter().formatException(record.exc_info)
    return trace_of_text(record.exc_text or "")


def trace_of_text(text: str) -> list[str]:
    """Where an exception came from and its type, but not its message."""
    lines = text.splitlines()
    frames = [line.strip() for line in lines if line.lstrip().startswith("File ")]
    kinds = [
        line.partition(":")[0]
        for line in lines
        if line[:1].isalpha() and " " not in line.partition(":")[0]
    ]
    return [*frames[-3:], *kinds[-1:]]

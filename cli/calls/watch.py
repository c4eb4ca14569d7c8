"""A call's timeline as it grows, through however many connections it takes."""

from __future__ import annotations

import json
import time
from typing import Any

import httpx2

from cli.calls import views
from cli.command import Session
from cli.errors import Away, CliError, Exit

_PATIENCE = 60.0  # without a sign of life, before giving up
_FIRST_PAUSE, _LONGEST_PAUSE = 0.3, 5.0


def watch_call(session: Session, call_id: str, after: int) -> dict[str, Any]:
    """Shows every event once and returns the record. Raises CliError."""
    seen = after
    pause, silent_since = _FIRST_PAUSE, time.monotonic()
    while True:
        trouble: Exception | None = None
        try:
            headers = {"Last-Event-ID": str(seen)} if seen else {}
            for event in session.api.stream(f"/calls/{call_id}/events", headers):
                if not event.data:
                    continue
                item = json.loads(event.data)
                if item["seq"] <= seen:
                    continue
                seen = item["seq"]
                _show(session, item)
                pause, silent_since = _FIRST_PAUSE, time.monotonic()
            # It ends after the last event; or the API was shut down under us.
            record: dict[str, Any] = session.api.get(f"/calls/{call_id}")
            if record["status"] == "ended":
                return record
        except (httpx2.TransportError, httpx2.SSEError) as broken:
            trouble = broken
        except CliError as refused:
            if refused.exit_code not in (Exit.AWAY, Exit.RATE_LIMITED):
                raise
            trouble = refused
        if time.monotonic() - silent_since > _PATIENCE:
            if isinstance(trouble, CliError):
                raise trouble
            raise Away(f"The events of {call_id} broke off and did not come back.")
        if pause == _FIRST_PAUSE:
            session.screen.note("The connection broke; going on where it was.")
        time.sleep(pause)
        pause = min(pause * 2, _LONGEST_PAUSE)


def _show(session: Session, item: dict[str, Any]) -> None:
    if session.as_json:
        session.screen.line(item)
    else:
        views.show_event(session.screen, item)

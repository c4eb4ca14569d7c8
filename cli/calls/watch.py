"""A call's timeline as it grows, through however many connections it takes."""

from __future__ import annotations

import json
import time
from typing import Any

import httpx2

from cli.calls import views
from cli.command import Session
from cli.errors import Away, CliError, Exit

_PATIENCE = 60.0  # from one break of the connection, before giving up
_WAS_CONNECTED = 7.0  # a connection that lasted longer than any refusal takes was one
_FIRST_PAUSE, _LONGEST_PAUSE = 0.3, 5.0


def watch_call(session: Session, call_id: str, after: int) -> dict[str, Any]:
    """Shows every event once and returns the record. Raises CliError."""
    watch = _Watch(session, call_id, after)
    pause, broken_since = _FIRST_PAUSE, 0.0
    while True:
        begun = time.monotonic()
        try:
            watch.follow()
            # It ends after the last event; or the API was shut down under us.
            record: dict[str, Any] = session.api.get(f"/calls/{call_id}")
            if record["status"] == "ended":
                return record
            trouble: CliError = Away(f"The events of {call_id} broke off.")
        except (httpx2.TransportError, httpx2.SSEError) as broken:
            trouble = Away(f"The events of {call_id} broke off: {type(broken).__name__}.")
        except CliError as refused:
            if refused.exit_code not in (Exit.AWAY, Exit.RATE_LIMITED):
                raise
            trouble = refused
        now = time.monotonic()
        if not broken_since or now - begun > _WAS_CONNECTED:
            session.screen.note("The connection broke; going on where it was.")
            pause, broken_since = _FIRST_PAUSE, now
        if now - broken_since > _PATIENCE:
            raise trouble
        time.sleep(pause)
        pause = min(pause * 2, _LONGEST_PAUSE)


class _Watch:
    def __init__(self, session: Session, call_id: str, after: int) -> None:
        self._session = session
        self._path = f"/calls/{call_id}/events"
        self._seen = after

    def follow(self) -> None:
        """One connection, from the last event that was seen."""
        headers = {"Last-Event-ID": str(self._seen)} if self._seen else {}
        for event in self._session.api.stream(self._path, headers):
            if event.data:
                self._take(json.loads(event.data))

    def _take(self, item: dict[str, Any]) -> None:
        if item["seq"] <= self._seen:
            return
        self._seen = item["seq"]
        _show(self._session, item)


def _show(session: Session, item: dict[str, Any]) -> None:
    if session.as_json:
        session.screen.line(item)
    else:
        views.show_event(session.screen, item)

"""`switchboard recordings …`"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any

import typer
from rich.text import Text

from cli import command as commands
from cli.calls.commands import safe
from cli.calls.views import recording_state
from cli.command import Session, command
from cli.errors import CliError, Exit, Usage
from cli.paging import (
    AssistantOption,
    Cursor,
    Everything,
    Limit,
    Started,
    moment,
    page_or_all,
    tell_of_more,
)
from cli.resource import Yes, confirm
from cli.screen import clock, seconds
from contract.recordings_wanted import RecordingsWanted

_RECORDINGS = "/recordings"
# Each wait of the API is ten seconds; what takes longer is told by `list`.
_WAITS = 6

group = commands.group("recordings", "Recordings of calls: what failed, and once more.")


Contains = Annotated[
    str | None, typer.Option("--detail", metavar="TEXT", help="A part of why they failed.")
]


@command(group, "list")
def list_recordings(
    session: Session,
    status: Annotated[
        RecordingsWanted | None,
        typer.Option(help="failed: needs_attention and lost.", show_default=False),
    ] = None,
    assistant: AssistantOption = None,
    started_after: Started = None,
    started_before: Started = None,
    detail: Contains = None,
    limit: Limit = 20,
    cursor: Cursor = None,
    everything: Everything = False,
) -> None:
    """Recordings, those of the newest calls first."""
    query = _filter(assistant, started_after, started_before, detail) | {
        "status": status and status.value,
        "limit": limit,
        "cursor": cursor,
    }
    found = page_or_all(session, _RECORDINGS, query, everything=everything)
    if session.as_json:
        session.screen.document(found)
        return
    if not found["items"]:
        session.screen.note("No recordings.")
        return
    session.screen.table(
        ("CALL", "STARTED", "STATE", "LENGTH", "TRIES", "WHAT BECAME OF IT"),
        (
            (
                item["call_id"],
                clock(item["started_at"]),
                recording_state(item["status"]),
                seconds(item["duration_seconds"]),
                str(item["attempts"]),
                item["detail"],
            )
            for item in found["items"]
        ),
    )
    tell_of_more(session, found["next_cursor"])


@command(group)
def retry(
    session: Session,
    reason: Annotated[str, typer.Option(help="Why, for history and timeline.", show_default=False)],
    calls: Annotated[
        list[str] | None, typer.Argument(metavar="[CALL]...", help="Whose recordings.")
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Every one that needs attention instead.")
    ] = False,
    assistant: AssistantOption = None,
    started_after: Started = None,
    started_before: Started = None,
    detail: Contains = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="With --all: only show which ones.")
    ] = False,
    yes: Yes = False,
) -> None:
    """Have recordings mended that need attention, and wait for it.

    Exit code 1 when one of them is not whole afterwards, 6 when the one named cannot be retried.
    """
    chosen = _filter(assistant, started_after, started_before, detail)
    if bool(calls) == everything:
        raise Usage("Name calls, or say --all.")
    if not everything and (dry_run or any(chosen.values())):
        raise Usage("--dry-run and filters go with --all.")
    if everything:
        body = {name: value for name, value in chosen.items() if value} | {"reason": reason}
        told = _retry_all(session, body, dry_run, yes)
    else:
        told = [_retry_one(session, safe(call), reason) for call in calls or []]
    _show(session, told)
    failed = [one for one in told if _is_bad(one)]
    if failed:
        sentence = f"{len(failed)} of {len(told)} could not be mended; each says why."
        raise CliError(Exit.CHECK_FAILED, sentence, is_told=True)


def _retry_one(session: Session, call_id: str, reason: str) -> dict[str, Any]:
    key = str(uuid.uuid4())  # repeated, it waits on for the same retry
    for wait in range(_WAITS):
        told: dict[str, Any] = session.api.post(
            f"/calls/{call_id}/recording/retry", {"reason": reason}, key=key
        )
        if told["outcome"] != "under_way":
            break
        if not wait:
            session.screen.note(f"{call_id}: accepted; waiting for its end.")
    return told


def _retry_all(
    session: Session, body: dict[str, Any], dry_run: bool, yes: bool
) -> list[dict[str, Any]]:
    would = [one for page in _pages(session, body) for one in page["items"]]
    if dry_run or not would:
        return would
    confirm(session, f"Retry {len(would)} recordings?", yes)
    told: list[dict[str, Any]] = []
    for page in _pages(session, body | {"dry_run": False}):
        told += page["items"]
        session.screen.note(f"{len(told)} retried, {page['remaining']} to go.")
    return told


def _pages(session: Session, body: dict[str, Any]) -> Iterator[dict[str, Any]]:
    cursor: dict[str, Any] = {}
    while True:
        page: dict[str, Any] = session.api.post(f"{_RECORDINGS}/retry", body | cursor)
        yield page
        if page["next_cursor"] is None:
            return
        cursor = {"cursor": page["next_cursor"]}


def _show(session: Session, told: list[dict[str, Any]]) -> None:
    if session.as_json:
        session.screen.document({"items": told})
        return
    if not told:
        session.screen.note("No recording needs attention.")
        return
    session.screen.table(
        ("CALL", "RETRY", "STATE", "WHAT BECAME OF IT"),
        (
            (
                one["call_id"],
                Text(one["outcome"].replace("_", " "), style="red" if _is_bad(one) else ""),
                recording_state(one["status"]),
                one["detail"],
            )
            for one in told
        ),
    )


def _is_bad(one: dict[str, Any]) -> bool:
    if one["outcome"] == "ended":
        return bool(one["status"] not in ("ready", "recording"))
    return one["outcome"] in ("refused", "unavailable")


def _filter(
    assistant: str | None,
    started_after: datetime | None,
    started_before: datetime | None,
    detail: str | None,
) -> dict[str, str | None]:
    return {
        "assistant_id": assistant,
        "started_after": moment(started_after),
        "started_before": moment(started_before),
        "reason_contains": detail,
    }

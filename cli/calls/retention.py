"""Deleting what a call left, and keeping it from being deleted."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.calls.commands import CallId, group, safe
from cli.command import Session, command
from cli.resource import Yes, confirm
from cli.screen import clock

Reason = Annotated[str, typer.Option(help="Why, for the timeline.", show_default=False)]


@command(group, "delete-recording")
def delete_recording(session: Session, call: CallId, reason: Reason, yes: Yes = False) -> None:
    """Delete a call's recording for good. Exit code 6 while the call or its recording goes on, and
    on legal hold."""
    _delete(session, safe(call), "recording", reason, yes)


@command(group, "delete-transcript")
def delete_transcript(session: Session, call: CallId, reason: Reason, yes: Yes = False) -> None:
    """Delete what was said in a call for good, on its timeline too. Exit codes as for
    delete-recording."""
    _delete(session, safe(call), "transcript", reason, yes)


@command(group, "legal-hold")
def legal_hold(session: Session, call: CallId, reason: Reason) -> None:
    """Have nothing of a call deleted, by anybody, until the hold is lifted."""
    hold = session.api.put(f"/calls/{safe(call)}/legal_hold", {"reason": reason})
    if session.as_json:
        session.screen.document(hold)
        return
    kept = " and ".join(hold["covers"]) or "nothing: it is deleted already"
    session.screen.done(f"{call} is on legal hold by {hold['by']}; it keeps {kept}.")


@command(group, "lift-legal-hold")
def lift_legal_hold(session: Session, call: CallId, reason: Reason) -> None:
    """Let retention and people delete it again. Needs an admin's key."""
    session.api.delete(f"/calls/{safe(call)}/legal_hold", reason=reason)
    if session.as_json:
        session.screen.document({"lifted": call})
        return
    session.screen.done(f"The legal hold of {call} is lifted.")


def _delete(session: Session, call: str, what: str, reason: str, yes: bool) -> None:
    confirm(session, f"Delete the {what} of {call} for good?", yes)
    deleted = session.api.delete(f"/calls/{call}/{what}", reason=reason)
    if session.as_json:
        session.screen.document(deleted)
        return
    if deleted["deleted_at"] is None:
        why = f" {deleted['failure']}" if deleted["failure"] else ""
        session.screen.note(f"The {what} will be deleted; its files are still there.{why}")
        return
    by = f"by {deleted['by']}, {clock(deleted['deleted_at'])}"
    session.screen.done(f"The {what} of {call} is deleted ({by}): {deleted['reason']}")

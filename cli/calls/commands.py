from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from cli import command as commands
from cli.calls import views
from cli.calls.download import download
from cli.calls.watch import watch_call
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
from contract.calls import CallStatus, Direction, RecordingStatus
from contract.endings import EndedReason

group = commands.group("calls", "Start calls, follow them, read what became of them.")

CallId = Annotated[str, typer.Argument(metavar="CALL", help="Its id: call_…", show_default=False)]


@command(group)
def start(
    session: Session,
    assistant: Annotated[
        str | None,
        typer.Argument(help="Who answers; may be left out when there is only one, or a `demo`."),
    ] = None,
    record: Annotated[
        bool | None,
        typer.Option("--record/--no-record", help="Default: as the assistant is set up."),
    ] = None,
    language: Annotated[
        str | None, typer.Option(help="BCP 47, such as en-US. Default: the assistant's.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="The caller's, shown in the room.")] = None,
    metadata: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="Kept with the call; may be repeated."),
    ] = None,
    idempotency_key: Annotated[
        str | None, typer.Option(help="The same key again gives the same call, not a second one.")
    ] = None,
) -> None:
    """Start a web call and get the token to join it."""
    body: dict[str, Any] = {
        "assistant_id": assistant or only_assistant(session),
        "record": record,
        "language": language,
        "participant_name": name,
        "metadata": pairs("--metadata", metadata),
    }
    given = {field: value for field, value in body.items() if value is not None}
    call = session.api.post("/web_call/get_token", given, key=idempotency_key)
    if session.as_json:
        session.screen.document(call)
        return
    views.show_started(session.screen, call, session.api.connection.talk_url)


@command(group, "list")
def list_calls(
    session: Session,
    status: CallStatus | None = None,
    direction: Direction | None = None,
    assistant: AssistantOption = None,
    ended_reason: EndedReason | None = None,
    recording_status: RecordingStatus | None = None,
    started_after: Started = None,
    limit: Limit = 20,
    cursor: Cursor = None,
    everything: Everything = False,
) -> None:
    """Calls, newest first."""
    query = {
        "status": status and status.value,
        "direction": direction and direction.value,
        "assistant_id": assistant,
        "ended_reason": ended_reason and ended_reason.value,
        "recording_status": recording_status and recording_status.value,
        "started_after": moment(started_after),
        "limit": limit,
        "cursor": cursor,
    }
    found = page_or_all(session, "/calls", query, everything=everything)
    if session.as_json:
        session.screen.document(found)
        return
    views.show_list(session.screen, found["items"])
    tell_of_more(session, found["next_cursor"])


@command(group)
def show(session: Session, call: CallId) -> None:
    """One call's record: how it ended, what it cost, where to look next."""
    record = session.api.get(f"/calls/{safe(call)}")
    if session.as_json:
        session.screen.document(record)
        return
    views.show_record(session.screen, record)


@command(group)
def timeline(session: Session, call: CallId) -> None:
    """What happened, step by step."""
    found = session.api.get(f"/calls/{safe(call)}/timeline")
    if session.as_json:
        session.screen.document(found)
        return
    for item in found["items"]:
        views.show_event(session.screen, item)
    if not found["items"]:
        session.screen.note("Nothing has happened yet.")


@command(group)
def transcript(session: Session, call: CallId) -> None:
    """What was said."""
    found = session.api.get(f"/calls/{safe(call)}/transcript")
    if session.as_json:
        session.screen.document(found)
        return
    for turn in found["items"]:
        views.show_turn(session.screen, turn)
    if found["deletion"] is not None:
        session.screen.note(f"What was said is deleted: {found['deletion']['reason']}")
    elif not found["items"]:
        session.screen.note("Nobody has said anything (yet).")


@command(group)
def watch(
    session: Session,
    call: CallId,
    after: Annotated[int, typer.Option(min=0, help="Leave out events up to this seq.")] = 0,
) -> None:
    """Follow a call live until its record is whole, through lost connections.

    With --json each event is a line; the last line is {"call": the record}. Exit code 1 when a
    fault of ours or of a provider ended the call.
    """
    follow(session, safe(call), after)


def follow(session: Session, call_id: str, after: int = 0) -> None:
    """Until the record is whole, and its end says the exit code. Raises CliError."""
    record = watch_call(session, call_id, after)
    if session.as_json:
        session.screen.line({"call": record})
    else:
        views.show_record(session.screen, record)
    if views.ended_badly(record):
        sentence = f"The call ended {record['ended_reason']}."
        raise CliError(Exit.CHECK_FAILED, sentence, is_told=True)


@command(group)
def hangup(
    session: Session,
    call: CallId,
    reason: Annotated[
        str, typer.Option(help="For the timeline; the caller does not hear it.")
    ] = "",
) -> None:
    """End a call. Exit code 6 when it is over already."""
    answer = session.api.post(f"/calls/{safe(call)}/hangup", {"reason": reason})
    if session.as_json:
        session.screen.document(answer)
        return
    session.screen.done(f"{call} ended: {answer['ended_reason']} (by {answer['ended_by']}).")


@command(group)
def recording(
    session: Session,
    call: CallId,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Download it to this file.")
    ] = None,
) -> None:
    """The call's recording: its state and a link that plays for 15 minutes; or the file itself.

    Exit code 6 with --output when there is nothing to download (yet).
    """
    found = session.api.get(f"/calls/{safe(call)}/recording")
    if output is not None:
        download(session.screen, found, output)
        found["file"] = str(output)
    if session.as_json:
        session.screen.document(found)
        return
    if output is not None:
        session.screen.done(f"Downloaded to {output}; it is what was recorded (SHA-256).")
        return
    views.show_recording(session.screen, found)


def only_assistant(session: Session) -> str:
    known = [item["id"] for item in session.api.get("/assistants")["items"]]
    if len(known) == 1 or "demo" in known:
        return "demo" if "demo" in known else str(known[0])
    if not known:
        raise Usage("There is no assistant yet: `switchboard assistants create` makes one.")
    raise Usage(f"Who shall answer? One of: {', '.join(known)}.")


def pairs(option: str, texts: list[str] | None) -> dict[str, str] | None:
    found: dict[str, str] = {}
    for text in texts or []:
        name, equals, value = text.partition("=")
        if not (name and equals):
            raise Usage(f"{option} {text!r} is not NAME=VALUE.")
        found[name] = value
    return found or None


def safe(call: str) -> str:
    """An id, not a way through the API's addresses."""
    if not call.replace("_", "").isalnum() or not call.isascii():
        raise CliError(Exit.NOT_FOUND, f"There is no call {call!r}: ids look like call_01….")
    return call

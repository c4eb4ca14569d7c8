"""Calling a telephone, and what its call can be told to do."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

import typer

from cli.calls import views
from cli.calls.commands import CallId, follow, group, only_assistant, pairs, safe
from cli.command import Session, command
from cli.errors import Usage
from contract.holds import Holder

Reason = Annotated[str, typer.Option(help="For the timeline; the caller does not hear it.")]
Pairs = list[str] | None


class OurHolder(StrEnum):
    OPERATOR = Holder.OPERATOR.value
    ASSISTANT = Holder.ASSISTANT.value


def add_to(app: typer.Typer) -> None:
    command(app)(call)


def call(
    session: Session,
    number: Annotated[str, typer.Argument(help="Whom to call, in E.164: +912212345678.")],
    trunk: Annotated[
        str | None, typer.Option(help="Over which trunk; may be left out when there is only one.")
    ] = None,
    assistant: Annotated[
        str | None, typer.Option(help="Who speaks; as with `calls start`.")
    ] = None,
    show_as: Annotated[
        str | None, typer.Option("--from", help="The number they are shown. Default: the trunk's.")
    ] = None,
    record: Annotated[
        bool | None,
        typer.Option("--record/--no-record", help="Default: as the assistant is set up."),
    ] = None,
    language: Annotated[
        str | None, typer.Option(help="BCP 47, such as en-US. Default: the assistant's.")
    ] = None,
    ring: Annotated[
        int | None, typer.Option(help="Seconds that it may ring. Default: the trunk's.")
    ] = None,
    queue: Annotated[
        float | None, typer.Option(help="Seconds that it may wait for a free line. Default: 60.")
    ] = None,
    max_duration: Annotated[
        float | None, typer.Option(help="Seconds from the answer on. Default: the assistant's.")
    ] = None,
    dtmf: Annotated[
        str | None, typer.Option(help="Keys to press once it is answered; w waits half a second.")
    ] = None,
    header: Annotated[
        Pairs, typer.Option(metavar="X-NAME=VALUE", help="Of the INVITE; may be repeated.")
    ] = None,
    attribute: Annotated[
        Pairs, typer.Option(metavar="NAME=VALUE", help="Of the phone in its room; repeatable.")
    ] = None,
    metadata: Annotated[
        Pairs, typer.Option(metavar="NAME=VALUE", help="Kept with the call; may be repeated.")
    ] = None,
    idempotency_key: Annotated[
        str | None, typer.Option(help="The same key again gives the same call, not a second one.")
    ] = None,
    detach: Annotated[
        bool, typer.Option("--detach", help="Do not follow the call: it is on its way.")
    ] = False,
) -> None:
    """Call a telephone, and follow the call until its record is whole.

    With --json each event is a line, between {"started": …} and {"call": the record}. Exit code 1
    when a fault of ours or of a provider ended the call.
    """
    body: dict[str, Any] = {
        "to_number": number,
        "trunk_id": trunk or _only_trunk(session),
        "assistant_id": assistant or only_assistant(session),
        "from_number": show_as,
        "record": record,
        "language": language,
        "ringing_timeout_seconds": ring,
        "queue_seconds": queue,
        "max_duration_seconds": max_duration,
        "dtmf": dtmf,
        "headers": pairs("--header", header),
        "attributes": pairs("--attribute", attribute),
        "metadata": pairs("--metadata", metadata),
    }
    given = {field: value for field, value in body.items() if value is not None}
    started = session.api.post("/call/outbound", given, key=idempotency_key)
    if session.as_json and detach:
        session.screen.document(started)
    elif session.as_json:
        session.screen.line({"started": started})
    else:
        views.show_placed(session.screen, started)
    if not detach:
        follow(session, started["call_id"])


@command(group)
def hold(session: Session, call: CallId, reason: Reason = "") -> None:
    """Put a call on hold: the assistant falls silent, and hears nothing."""
    _hold_or_resume(session, call, "hold", reason)


@command(group)
def resume(
    session: Session,
    call: CallId,
    reason: Reason = "",
    holder: Annotated[
        OurHolder, typer.Option(help="Whose hold ends: an operator's, or the assistant's own.")
    ] = OurHolder.OPERATOR,
) -> None:
    """Take a call off hold. Exit code 6 when we do not hold it."""
    _hold_or_resume(session, call, "resume", reason, holder=holder.value)


@command(group)
def play(
    session: Session,
    call: CallId,
    asset_url: Annotated[str, typer.Argument(help="Of an MP3, WAV, OGG or FLAC file.")],
    loop: Annotated[bool, typer.Option("--loop", help="Until it is stopped.")] = False,
) -> None:
    """Play a clip to the human. Exit code 6 while the call is on hold."""
    body = {"asset_url": asset_url, "loop": loop}
    answer = session.api.post(f"/calls/{safe(call)}/play", body)
    if session.as_json:
        session.screen.document(answer)
        return
    session.screen.done(f"{call}: Media Bot is told to play it ({answer['command_id']}).")


@command(group, "stop-playing")
def stop_playing(session: Session, call: CallId) -> None:
    """End the clip that is played."""
    answer = session.api.post(f"/calls/{safe(call)}/play/stop", {})
    if session.as_json:
        session.screen.document(answer)
        return
    session.screen.done(f"{call}: no clip is played any more.")


@command(group)
def language(
    session: Session,
    call: CallId,
    tag: Annotated[str, typer.Argument(metavar="LANGUAGE", help="BCP-47: de-AT.")],
) -> None:
    """Change the language of the transcription. Exit code 6 when the call has none."""
    answer = session.api.post(f"/calls/{safe(call)}/language", {"language": tag})
    if session.as_json:
        session.screen.document(answer)
        return
    session.screen.done(f"{call} is transcribed in {answer['language']} from here on.")


@command(group)
def dtmf(
    session: Session,
    call: CallId,
    digits: Annotated[str, typer.Argument(help="Of 0123456789*#ABCD; w waits half a second.")],
) -> None:
    """Press keys of the call's telephone."""
    answer = session.api.post(f"/calls/{safe(call)}/dtmf", {"digits": digits})
    if session.as_json:
        session.screen.document(answer)
        return
    session.screen.done(f"{call}: {answer['keys']} pressed.")


@command(group)
def transfer(
    session: Session,
    call: CallId,
    to: Annotated[str, typer.Argument(metavar="NUMBER", help="In E.164: +912212345678.")],
) -> None:
    """Hand the call's telephone on to another number, and leave. Exit code 6 when it is refused:
    the call goes on then."""
    answer = session.api.post(f"/calls/{safe(call)}/transfer", {"to": to})
    if session.as_json:
        session.screen.document(answer)
        return
    told = f"{answer['sip_status']} {answer['sip_phrase']}".rstrip()
    session.screen.done(f"{call} was handed on: {told}.")


def _hold_or_resume(session: Session, call: str, what: str, reason: str, **more: str) -> None:
    answer = session.api.post(f"/calls/{safe(call)}/{what}", {"reason": reason, **more})
    if session.as_json:
        session.screen.document(answer)
        return
    holders = ", ".join(answer["holders"])
    session.screen.done(f"{call} is on hold, by: {holders}." if holders else f"{call} goes on.")


def _only_trunk(session: Session) -> str:
    known = [item["id"] for item in session.api.get("/trunks")["items"]]
    if len(known) == 1:
        return str(known[0])
    if not known:
        raise Usage("There is no trunk yet: `switchboard trunks create` makes one.")
    raise Usage(f"Over which trunk? --trunk, one of: {', '.join(known)}.")

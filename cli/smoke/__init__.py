"""`switchboard smoke`: one call against a running installation."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Annotated

import typer

from cli.calls.commands import only_assistant
from cli.command import Session, command
from cli.errors import CliError
from cli.report import Report, Verdict
from cli.resource import at


def add_to(app: typer.Typer) -> None:
    command(app)(smoke)


def smoke(
    session: Session,
    assistant: Annotated[
        str | None, typer.Argument(help="Who is called; as with `calls start`.")
    ] = None,
    record: Annotated[
        bool, typer.Option("--record", help="Record the call, and check the recording too.")
    ] = False,
    say: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.wav",
            help="What the caller says, in the assistant's language. Default: a question in "
            "English about opening hours.",
        ),
    ] = None,
    silent: Annotated[
        bool, typer.Option("--silent", help="Say nothing: the caller only listens.")
    ] = False,
) -> None:
    """Make one real call and check it: both agents come, audio flows both ways, the record is
    right.

    Costs what a call of half a minute costs. Exit code 1 when a check failed; the call is hung up
    in any case.
    """
    # Late, as numpy and LiveKit's client take their time.
    from cli.smoke.sound import QUESTION, read_wav

    sound = read_wav(say or QUESTION)
    found = session.api.get(at("/assistants", assistant or only_assistant(session)))
    from cli.smoke.run import Smoke

    # Its own complaints are for developers.
    logging.getLogger("livekit").setLevel(logging.CRITICAL)
    report = Report(session.screen)
    report.heading(f"A call to {found['id']} at {session.api.connection.api_url}")
    run = Smoke(
        api=session.api,
        report=report,
        assistant=found,
        sound=None if silent else sound,
        microphone_rate=sound.rate,
        record=record,
    )
    asyncio.run(run.run())
    failed = [check.name for check in report.those(Verdict.FAILED)]
    if session.as_json:
        session.screen.document(
            report.as_document() | {"call_id": run.call_id or None, "failed": failed}
        )
    if not report.is_well:
        raise CliError(run.exit_code, f"Failed: {', '.join(failed)}.", is_told=True)
    if not session.as_json:
        session.screen.done(f"All well: switchboard calls show {run.call_id}")

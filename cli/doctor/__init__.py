"""`switchboard doctor`: what is missing, and how to mend it."""

from __future__ import annotations

import typer

from cli.api import Api
from cli.command import Session, command
from cli.connection import CHECKOUT, Unnamed
from cli.doctor.installation import examine_installation
from cli.doctor.machine import examine_machine
from cli.errors import CliError, Exit, Usage
from cli.report import Report, Verdict


def add_to(app: typer.Typer) -> None:
    command(app)(doctor)


def doctor(session: Session) -> None:
    """Look at everything a call needs, and say what is missing and how to mend it.

    Starts no call and changes nothing. Exit code 0 only if all is well; a warning is not.
    """
    report = Report(session.screen)
    connection, missing = None, None
    try:
        connection = session.connection()
    except Usage as usage:
        missing = usage
    is_ours = isinstance(missing, Unnamed) if connection is None else bool(connection.stack_file)
    report.heading("This machine")
    examine_machine(report, runs_stack=is_ours and (CHECKOUT / "sandbox").is_dir())
    report.heading("The installation")
    if connection is None:
        report.fail("which one", str(missing), "make up" if is_ours else "Set it.")
    else:
        report.ok("which one", f"{connection.api_url}, from {connection.url_from}")
        # Impatient: a check tells what is, it does not wait until it is well.
        api = Api(connection, patience=0.0, tell=session.screen.note)
        try:
            examine_installation(report, api, is_ours=is_ours)
        finally:
            api.close()
    _conclude(session, report)


def _conclude(session: Session, report: Report) -> None:
    failed, warned = report.those(Verdict.FAILED), report.those(Verdict.WARNING)
    if session.as_json:
        session.screen.document(report.as_document())
    if report.is_well:
        if not session.as_json:
            session.screen.done("All is well. `switchboard smoke` makes a real call.")
        return
    counts = [f"{len(those)} {name}" for those, name in ((failed, "failed"), (warned, "to look at"))
              if those]  # fmt: skip
    names = ", ".join(check.name for check in [*failed, *warned])
    raise CliError(Exit.CHECK_FAILED, f"{' and '.join(counts)}: {names}.", is_told=True)

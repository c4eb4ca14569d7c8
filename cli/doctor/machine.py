"""What this machine needs: a little for the command line, more for the embedded stack."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys

from cli.connection import CHECKOUT
from cli.report import Check, Report, Verdict

_LOWEST_PYTHON = (3, 11)
_PATIENCE = 60.0


def examine_machine(report: Report, *, runs_stack: bool) -> None:
    version = platform.python_version()
    if sys.version_info >= _LOWEST_PYTHON:
        report.ok("Python", version)
    else:
        report.fail("Python", version, "Install Python 3.11 or newer, then `make env`.")
    if runs_stack:
        _examine_stack(report)


def _examine_stack(report: Report) -> None:
    """The stack knows its own needs; it is asked as a program, as we import nothing of it."""
    command = [sys.executable, "-m", "sandbox.stack", "check"]
    try:
        done = subprocess.run(
            command,
            cwd=CHECKOUT,
            env=os.environ | {"PYTHONPATH": str(CHECKOUT)},
            capture_output=True,
            text=True,
            timeout=_PATIENCE,
            check=False,
        )
        found = json.loads(done.stdout)
    except subprocess.TimeoutExpired:
        report.fail("embedded stack", f"`{' '.join(command[1:])}` did not answer.", "make env")
        return
    except ValueError:
        said = (done.stderr.strip().splitlines() or ["nothing"])[-1]
        report.fail("embedded stack", f"it could not be looked at: {said}", "make env")
        return
    for check in found:
        report.add(
            Check(
                name=check["name"],
                verdict=Verdict(check["verdict"]),
                detail=check["detail"],
                next_step=check["next_step"],
            )
        )

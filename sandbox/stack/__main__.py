"""`python -m sandbox.stack up|down|status|env|logs`: what the Makefile's commands do."""

from __future__ import annotations

import asyncio
import json
import os
import shlex
import signal
import sys
from collections.abc import Coroutine
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from sandbox.stack import processes
from sandbox.stack.check import findings
from sandbox.stack.description import StackDescription
from sandbox.stack.down import take_down
from sandbox.stack.errors import StackError
from sandbox.stack.parts import Part
from sandbox.stack.stack import Stack, default_run_dir

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
_out = Console(highlight=False, soft_wrap=True)

RunDir = Annotated[
    Path | None,
    typer.Option(help="Folder of the stack's data and logs; default SWITCHBOARD_RUN_DIR or .run"),
]


@app.command()
def up(
    run_dir: RunDir = None,
    only: Annotated[str, typer.Option(help="Comma separated parts; default all")] = "",
    without: Annotated[str, typer.Option(help="Comma separated parts to leave out")] = "",
) -> None:
    """Start every part in the background and return when all of them are ready."""
    folder = _folder(run_dir)
    if _already_up(folder):
        return
    stack = Stack(
        folder,
        detached=True,
        only=[name for name in only.split(",") if name] or None,
        without=[name for name in without.split(",") if name],
        on_progress=lambda part, news: _out.print(f"  {part:<10} {news}"),
    )
    _finish(stack.start())
    found = stack.description
    _out.print(
        f"\nSwitchboard is up: API {found.api_url} (docs {found.api_url}/docs), Temporal UI "
        f"{found.temporal_ui_url}; keys and addresses in {folder / 'stack.json'}. "
        "End it with `make down`."
    )


@app.command()
def down(run_dir: RunDir = None) -> None:
    """End every part, gracefully, and whatever is left of them."""
    folder = _folder(run_dir)
    ended = asyncio.run(take_down(folder))
    _out.print(f"Ended {', '.join(ended)}." if ended else f"Nothing runs from {folder}.")


@app.command()
def status(run_dir: RunDir = None) -> None:
    """Say which parts run; exit code 1 unless all that were started do."""
    folder = _folder(run_dir)
    try:
        description = StackDescription.read(folder / "stack.json")
    except StackError as trouble:
        _fail(trouble)
    running = processes.running(folder)
    table = Table("part", "state", "pid", "log", box=None, pad_edge=False)
    for name, entry in description.processes.items():
        alive = entry.pid in running.get(Part(name), [])
        table.add_row(name, "running" if alive else "[red]dead[/]", str(entry.pid), entry.log)
    _out.print(table)
    dead = [n for n, e in description.processes.items() if e.pid not in running.get(Part(n), [])]
    if dead:
        _fail(StackError(f"{', '.join(dead)} died: read the log; `make up` starts what died."))


@app.command()
def env(run_dir: RunDir = None) -> None:
    """Print API_URL, API_KEY and the parts' process ids as shell assignments, for `eval`."""
    try:
        description = StackDescription.read(_folder(run_dir) / "stack.json")
    except StackError as trouble:
        _fail(trouble)
    print(f"export API_URL={shlex.quote(description.api_url)}")
    print(f"export API_KEY={shlex.quote(description.api_key)}")
    for name, entry in description.processes.items():
        print(f"export {name.upper().replace('-', '_')}_PID={entry.pid}")


@app.command()
def check(run_dir: RunDir = None) -> None:
    """What this machine lacks for a stack, as JSON; `switchboard doctor` shows it."""
    print(json.dumps([asdict(finding) for finding in findings(_folder(run_dir))], indent=2))


@app.command()
def logs(
    parts: Annotated[list[str] | None, typer.Argument(help="Parts; default all")] = None,
    run_dir: RunDir = None,
    follow: Annotated[bool, typer.Option("--follow", "-f")] = False,
) -> None:
    """Show the end of each part's log, and go on with --follow."""
    folder = _folder(run_dir) / "logs"
    wanted = [folder / f"{name}.log" for name in parts or list(Part)]
    files = [str(file) for file in wanted if file.exists()]
    if not files:
        _fail(StackError(f"There is no log in {folder}: start a stack with `make up`."))
    os.execvp("tail", ["tail", "-n", "40", *(["-F"] if follow else []), *files])


def _folder(run_dir: Path | None) -> Path:
    return (run_dir or default_run_dir()).absolute()


def _already_up(folder: Path) -> bool:
    """True when a stack runs from this folder; what died of it is started again."""
    try:
        started = StackDescription.read(folder / "stack.json").processes
    except StackError:
        return False
    running = processes.running(folder)
    if not running:
        return False
    dead = [name for name, entry in started.items() if entry.pid not in running.get(Part(name), [])]
    if dead:
        _finish(_mend(folder))
        _out.print(f"Started {', '.join(dead)} again; `make status` shows the stack.")
    else:
        _out.print(f"Switchboard is up already from {folder}; `make status` shows it.")
    return True


async def _mend(folder: Path) -> None:
    stack = Stack(
        folder, detached=True, on_progress=lambda part, news: _out.print(f"  {part:<10} {news}")
    )
    await stack.mend()


def _finish(work: Coroutine[Any, Any, None]) -> None:
    """Run to the end; SIGTERM is as good as Ctrl-C, and both leave nothing behind."""

    async def run() -> None:
        task = asyncio.current_task()
        assert task is not None
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        await work

    try:
        asyncio.run(run())
    except StackError as trouble:
        _fail(trouble)
    except (KeyboardInterrupt, asyncio.CancelledError):
        _fail(StackError("Interrupted; everything that had been started is ended."))


def _fail(trouble: StackError) -> Any:
    print(trouble, file=sys.stderr)
    raise typer.Exit(1)


if __name__ == "__main__":
    app()

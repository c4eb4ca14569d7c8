"""One running Switchboard on this machine: started, looked at, hurt on purpose, and ended."""

from __future__ import annotations

import asyncio
import fcntl
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import IO, Self

from sandbox.stack import processes
from sandbox.stack.commands import command
from sandbox.stack.description import ProcessEntry, StackDescription
from sandbox.stack.environment import environment
from sandbox.stack.errors import StackError
from sandbox.stack.furnishing import furnish
from sandbox.stack.keys import Keys
from sandbox.stack.parts import NEEDS, SERVERS, Part, chosen
from sandbox.stack.ports import FreePorts, Ports, require_free
from sandbox.stack.probes import Probes
from sandbox.stack.processes import Process
from sandbox.stack.site import CHECKOUT, Site

START_LIMIT = 90.0  # seconds for one part on a slow, busy machine; an ordinary start needs 1 to 6
_LOOK = 0.05

Progress = Callable[[str, str], None]  # (name of a part, what it does now)


class Stack:
    """`async with Stack(free_ports=True) as stack:` gives a whole stack of one's own.

    `settings` adds to a part's environment: `{"atlas": {"ATLAS_IDLE_PROCESSES": "4"}}`;
    `webhook_url` takes the place of the API's. Unless `detached`, the processes die with ours.
    """

    def __init__(
        self,
        run_dir: Path | str | None = None,
        *,
        free_ports: bool = False,
        detached: bool = False,
        only: Iterable[str] | None = None,
        without: Iterable[str] = (),
        settings: Mapping[str, Mapping[str, str]] | None = None,
        webhook_url: str | None = None,
        on_progress: Progress = lambda part, news: None,
    ) -> None:
        self._chosen = chosen(only, without)
        self._settings = {part: dict(own) for part, own in (settings or {}).items()}
        if not free_ports:  # `make up`, `make demo`: a person may speak; tests want strict ears
            hearing = os.environ.get("SWITCHBOARD_HEARING", "both")
            self._settings.setdefault("providers", {}).setdefault("HEARING", hearing)
        self._detached = detached
        self._tell = on_progress
        self._free_ports = FreePorts.take() if free_ports else None
        ports = self._free_ports.ports if self._free_ports else Ports.from_environment(os.environ)
        self._folder_is_ours = run_dir is None and free_ports
        folder = (
            Path(tempfile.mkdtemp(prefix="switchboard-"))
            if self._folder_is_ours
            else Path(run_dir or default_run_dir())
        ).absolute()
        folder.mkdir(parents=True, exist_ok=True)
        self._lock: IO[str] | None = None
        self._processes: dict[Part, Process] = {}
        self._site = Site(folder, ports, Keys.load_or_make(folder / "keys.json"), webhook_url)
        self._probes = Probes(self._site)

    @property
    def run_dir(self) -> Path:
        return self._site.folder

    @property
    def site(self) -> Site:
        return self._site

    @property
    def description(self) -> StackDescription:
        return StackDescription.of(
            self._site,
            {
                part.value: ProcessEntry(self._processes[part].pid, str(self._site.log(part)))
                for part in Part
                if part in self._processes
            },
        )

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.stop()

    async def start(
        self, *, only: Iterable[str] | None = None, without: Iterable[str] | None = None
    ) -> None:
        """Returns when every part answered; raises StackError with nothing left running."""
        if only is not None or without is not None:
            self._chosen = chosen(only, without or ())
        try:
            self._claim_folder()
            for part in self._chosen:
                require_free(part, self._site.ports)
            await self._start_all()
            if {Part.API, Part.CARRIER} <= set(self._chosen):
                await furnish(self._site)
        except BaseException:
            await self.stop()
            raise
        finally:
            await self._probes.aclose()
        self.description.write(self._site.description_file)

    async def mend(self) -> list[Part]:
        """Start again what died of a detached stack that runs from this folder; those parts."""
        self._lock_folder()
        began = StackDescription.read(self._site.description_file)
        alive = processes.running(self.run_dir)
        for name, entry in began.processes.items():
            self._processes[Part(name)] = Process(Part(name), entry.pid, self.run_dir)
        dead = [p for p in self._processes if self._processes[p].pid not in alive.get(p, [])]
        for part in dead:
            await self.start_process(part)
        return dead

    async def stop(self) -> None:
        """Our own parts first, so that they can still tell the servers that they leave."""
        await processes.end(p for p in self._processes.values() if p.part not in SERVERS)
        await processes.end(
            (p for p in self._processes.values() if p.part in SERVERS),
            patience=processes.SERVERS_PATIENCE,
        )
        await self._probes.aclose()
        if self._lock is not None:
            self._site.description_file.unlink(missing_ok=True)
            self._lock.close()
            self._lock = None
        self._processes.clear()
        if self._free_ports is not None:
            self._free_ports.give_back()
        if self._folder_is_ours:
            shutil.rmtree(self.run_dir, ignore_errors=True)

    def pids(self, name: str) -> list[int]:
        """The whole living tree of a part, oldest first: an agent's job processes are in it."""
        return processes.running(self.run_dir).get(Part(name), [])

    def is_running(self, name: str) -> bool:
        process = self._processes.get(Part(name))
        return process is not None and process.exit_code() is None

    async def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> None:
        """Signal the part's first process. After SIGKILL and SIGTERM, return when it is gone."""
        process = self._started(name)
        process.send(number)
        if number in (signal.SIGKILL, signal.SIGTERM):
            await processes.gone([process])

    async def start_process(self, name: str, settings: Mapping[str, str] | None = None) -> None:
        """Start one part (again) and wait until it is ready; what is left of it is ended first."""
        part = Part(name)
        if part in self._processes:
            await processes.end([self._processes[part]])
        if settings is not None:
            self._settings[part] = {**self._settings.get(part, {}), **settings}
        require_free(part, self._site.ports)
        try:
            await self._start_one(part)
        finally:
            await self._probes.aclose()
        self.description.write(self._site.description_file)

    async def wait_until_ready(self, name: str) -> None:
        part = Part(name)
        try:
            await self._await_ready(self._started(part), time.monotonic())
        finally:
            await self._probes.aclose()

    def _started(self, name: str) -> Process:
        try:
            return self._processes[Part(name)]
        except KeyError:
            raise StackError(f"{name} was not started in {self.run_dir}.") from None

    def _lock_folder(self) -> None:
        lock = (self.run_dir / "lock").open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            raise StackError(
                f"Another stack runs from {self.run_dir}: end it (`make down`, or Ctrl-C where it "
                "runs), or set SWITCHBOARD_RUN_DIR and other ports."
            ) from None
        self._lock = lock

    def _claim_folder(self) -> None:
        self._lock_folder()
        if left := processes.running(self.run_dir):
            assert self._lock is not None
            self._lock.close()
            self._lock = None
            raise StackError(
                f"Parts of a stack still run from {self.run_dir} ({', '.join(left)}): end them "
                "with `make down`."
            )
        for part in Part:
            self._site.log(part).unlink(missing_ok=True)

    async def _start_all(self) -> None:
        ready = {part: asyncio.Event() for part in self._chosen}

        async def begin(part: Part) -> None:
            for needed in NEEDS[part]:
                if needed in ready:
                    await ready[needed].wait()
            await self._start_one(part)
            ready[part].set()

        try:
            async with asyncio.TaskGroup() as group:
                for part in self._chosen:
                    group.create_task(begin(part), name=f"start {part}")
        except BaseExceptionGroup as failed:
            # The first one tells; the others are its consequences.
            raise failed.exceptions[0] from None

    async def _start_one(self, part: Part) -> None:
        told = self._tell
        # In a thread: it may have to build a server.
        line = await asyncio.to_thread(command, part, self._site, lambda news: told(part, news))
        told(part, "starting")
        begun = time.monotonic()
        self._probes.forget(part)
        self._processes[part] = processes.start(
            part,
            line,
            environment(part, self._site) | self._settings.get(part, {}),
            folder=self.run_dir,
            log=self._site.log(part),
            dies_with_us=not self._detached,
        )
        await self._await_ready(self._processes[part], begun)

    async def _await_ready(self, process: Process, begun: float) -> None:
        deadline = time.monotonic() + START_LIMIT
        log = self._site.log(process.part)
        while not await self._probes.is_ready(process.part):
            if (code := process.exit_code()) is not None:
                raise StackError(
                    f"{process.part} ended with code {code} while starting: {_last_line(log)} "
                    f"(more in {log})"
                )
            if time.monotonic() > deadline:
                raise StackError(
                    f"{process.part} was not ready after {START_LIMIT:.0f} s; read {log}."
                )
            await asyncio.sleep(_LOOK)
        self._tell(process.part, f"ready after {time.monotonic() - begun:.1f} s")


def default_run_dir() -> Path:
    return Path(os.environ.get("SWITCHBOARD_RUN_DIR") or CHECKOUT / ".run")


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").split("\n") if log.exists() else []
    return next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing")[:300]

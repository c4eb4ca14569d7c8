"""What `python -m tests` adds to pytest: how far it is, and an end for what cannot be interrupted.

A test that hangs in native code never sees pytest-timeout's signal; without this it would take the
whole run with it, silently. Here its process writes where every thread stood, and exits; xdist
reports the test as failed and goes on in a new process.
"""

from __future__ import annotations

import faulthandler
import os
import time
from collections.abc import Generator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

HANGS = "SWITCHBOARD_TESTS_HANGS"  # names the folder for what a process tells of a test that hung
GRACE = "SWITCHBOARD_TESTS_GRACE"  # s after pytest-timeout, which the process's other tests survive
_GRACE = "60"
_FRAMES_OF_RUNNERS = ("/_pytest/", "/pluggy/", "/xdist/", "/execnet/", "/pytest/", "<frozen ")


@dataclass(slots=True)
class _File:
    path: str
    since: float = field(default_factory=time.monotonic)
    tests: int = 0


class Progress:
    """A line for each file when it is done: when, how many tests, how long, how busy we were."""

    def __init__(self, terminal: pytest.TerminalReporter) -> None:
        self._terminal = terminal
        self._began = time.monotonic()
        self._now: dict[str, _File] = {}  # by xdist's worker

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        node = getattr(report, "node", None)  # xdist's
        worker = node.gateway.id if node is not None else ""
        path = report.nodeid.split("::")[0]
        if (file := self._now.get(worker)) is None or file.path != path:
            self._done(worker)
            file = self._now[worker] = _File(path)
        file.tests += report.when == "teardown"

    def pytest_sessionfinish(self) -> None:
        for worker in list(self._now):
            self._done(worker)

    def _done(self, worker: str) -> None:
        if (file := self._now.pop(worker, None)) is None:
            return
        now = time.monotonic()
        minutes, seconds = divmod(int(now - self._began), 60)
        self._terminal.write(
            f"\n{minutes:3}:{seconds:02} {file.path}: {file.tests} in {now - file.since:.0f} s"
            f" (load {os.getloadavg()[0]:.1f})\n"
        )


class HangWatch:
    """The process ends with a test that did not heed its timeout."""

    def __init__(self, folder: Path) -> None:
        # xdist hands the file of a crashed process, that test included, to the next one.
        self._ended_others = {
            told.read_text().partition("\n")[0] for told in folder.iterdir() if not _runs(told.name)
        }
        # Open until the process ends; its file stays empty unless that is within a test.
        self._told = (folder / str(os.getpid())).open("w+")
        self._grace = float(os.environ.get(GRACE, _GRACE))

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        if item.nodeid in self._ended_others:
            pytest.fail("The process in which it ran did not survive it.", pytrace=False)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        patience = _timeout_of(item)
        if patience:
            self._told.write(f"{item.nodeid}\n")
            self._told.flush()
            faulthandler.dump_traceback_later(patience + self._grace, exit=True, file=self._told)
        try:
            return (yield)
        finally:
            faulthandler.cancel_dump_traceback_later()
            self._told.seek(0)
            self._told.truncate()


def _runs(pid: str) -> bool:
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


def _timeout_of(item: pytest.Item) -> float:
    """Seconds that pytest-timeout gives it; 0 is for ever."""
    mark = item.get_closest_marker("timeout")
    if mark is not None and (mark.args or "timeout" in mark.kwargs):
        return float(mark.args[0] if mark.args else mark.kwargs["timeout"])
    return float(item.config.getini("timeout") or 0)


@pytest.hookimpl(trylast=True)  # after pytest's own reporter
def pytest_configure(config: pytest.Config) -> None:
    is_worker = hasattr(config, "workerinput")
    terminal = config.pluginmanager.get_plugin("terminalreporter")
    if terminal is not None and not is_worker:
        config.pluginmanager.register(Progress(terminal), "switchboard-progress")
    if (folder := os.environ.get(HANGS)) and (is_worker or not config.getoption("numprocesses")):
        config.pluginmanager.register(HangWatch(Path(folder)), "switchboard-hang-watch")


def ended_within_tests(folder: Path) -> list[str]:
    """A text for each process that ended within a test: the test, and where its threads stood."""
    texts = [told.read_text() for told in sorted(folder.iterdir())]
    return ["\n".join(_ours(text.splitlines())) for text in texts if text]


def _ours(lines: list[str]) -> list[str]:
    """Without the fifty frames of what runs the tests."""
    return [line for line in lines if not any(name in line for name in _FRAMES_OF_RUNNERS)]

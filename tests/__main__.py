"""`python -m tests [pytest's options]`: the whole suite, in three runs and a second look.

First what may share the machine, three processes for two cores: half of the time they wait. Then
what judges times and sound, mostly of whole stacks (marker `real_time`), two at a time, which takes
half of two cores: beside more it would hear the others. Then what needs the machine for itself
(`alone`). What failed, if it is little, is looked at again by itself, twice: who fails then has
failed; who does not is told as flaky, with the failure above, and stops nobody else's work
(docs/adr/0014).
"""

from __future__ import annotations

import json
import math
import os
import sys
import tempfile
from pathlib import Path

import pytest

from tests.leftovers import adopt_orphans, call, end_leftovers
from tests.progress import HANGS, ended_within_tests

_SLOWEST = ("--durations=40", "--durations-min=2")  # for who makes it shorter
# A file's tests stay in one process, and files in their order: they share servers, and stacks.
_FILES = ("--dist", "loadfile", "--no-loadscope-reorder")
_MANY = math.ceil(1.5 * (os.cpu_count() or 1))
_RUNS = (
    ("-m", "not real_time and not alone", "--numprocesses", str(_MANY), *_FILES, *_SLOWEST),
    ("-m", "real_time and not alone", "--numprocesses", "2", *_FILES, *_SLOWEST),
    ("-m", "alone", "--numprocesses", "1", *_SLOWEST),
)
_LOOKS = 2
_FEW = 5  # more than that is no bad luck
_FAILED = int(pytest.ExitCode.TESTS_FAILED)
_NOTHING = {int(pytest.ExitCode.OK), int(pytest.ExitCode.NO_TESTS_COLLECTED)}


def main(options: list[str]) -> int:
    adopt_orphans()
    with tempfile.TemporaryDirectory() as folder:
        codes = [_run(folder, *run, *options) for run in _RUNS]
        wrong = [code for code in codes if code not in _NOTHING]
        if not wrong:
            return min(codes)  # "no tests" only when no run had any
        failed = _failed(Path(folder))
    if set(wrong) != {_FAILED} or not 0 < len(failed) <= _FEW:
        return wrong[0]
    return _look_again(failed)


def _run(folder: str, *arguments: str) -> int:
    plugins = ("-p", "tests.progress", "-o", f"cache_dir={folder}")
    with tempfile.TemporaryDirectory() as hangs:
        os.environ[HANGS] = hangs
        code = call((sys.executable, "-m", "pytest", *plugins, *arguments))
        for told in ended_within_tests(Path(hangs)):
            print("\nITS PROCESS ENDED WITHIN A TEST:", told, sep="\n", flush=True)
    if left := end_leftovers():
        print(f"\nLEFT BEHIND, {len(left)}, killed now:", *left, sep="\n  ", flush=True)
    return code


def _failed(folder: Path) -> list[str]:
    """Ids of the tests that failed in any of the runs, as pytest keeps them for `--last-failed`."""
    kept = folder / "v" / "cache" / "lastfailed"
    return sorted(json.loads(kept.read_text())) if kept.exists() else []


def _look_again(failed: list[str]) -> int:
    for look in range(1, _LOOKS + 1):
        print(
            f"\nLook {look} of {_LOOKS} at what failed, by itself:", *failed, sep="\n  ", flush=True
        )
        with tempfile.TemporaryDirectory() as folder:
            code = _run(folder, *failed)
        if code:
            return code
    print(f"\nFLAKY, {len(failed)}: failed above, passed {_LOOKS} times by itself.", flush=True)
    print("Each is a bug, of the product or of the test:", *failed, sep="\n  ", flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

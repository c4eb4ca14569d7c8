"""`python -m tests [pytest's options]`: the whole suite, in two runs.

First what may share the machine, a process a core: most of it waits. Then what judges times and
sound, mostly of whole stacks (marker `alone`), where all beside it would be heard. The exit code is
the first one that is not 0.
"""

from __future__ import annotations

import subprocess
import sys

import pytest

_RUNS = (
    # A file's tests stay in one process: some share a server.
    ("-m", "not alone", "--numprocesses", "auto", "--dist", "loadfile"),
    ("-m", "alone"),
)
_NOTHING = {int(pytest.ExitCode.OK), int(pytest.ExitCode.NO_TESTS_COLLECTED)}


def main(options: list[str]) -> int:
    codes = [subprocess.call([sys.executable, "-m", "pytest", *run, *options]) for run in _RUNS]
    failed = [code for code in codes if code not in _NOTHING]
    if failed:
        return failed[0]
    return min(codes)  # "no tests" only when neither run had any


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

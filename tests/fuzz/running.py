"""Runs an atheris target in a process of its own, for a bounded time."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sandbox.stack.site import CHECKOUT

_DONE = re.compile(rb"Done (\d+) runs in (\d+) second")
_GRACE = 60.0  # s for the start, with its instrumenting imports
SLOWEST = 1  # s that one input may take; instrumented code is many times slower than plain code
LARGEST = 4096  # bytes of one input


@dataclass(frozen=True, slots=True)
class Fuzzed:
    runs: int
    seconds: int
    finding: str  # empty: none


def seconds() -> float:
    """FUZZ_SECONDS, or what a run of the tests can bear; `make bench` has a minute for each."""
    return float(os.environ.get("FUZZ_SECONDS", "8"))


def fuzz(module: str, seeds: Sequence[bytes], *, seconds: float) -> Fuzzed:
    """`python -m module` calls atheris.Setup(sys.argv, …) and atheris.Fuzz()."""
    with tempfile.TemporaryDirectory() as folder:
        corpus = Path(folder, "corpus")
        corpus.mkdir()
        for number, seed in enumerate(seeds):
            (corpus / f"seed{number}").write_bytes(seed)
        ended = subprocess.run(
            [
                *(sys.executable, "-m", module, f"-max_total_time={max(1, round(seconds))}"),
                *(f"-timeout={SLOWEST}", f"-max_len={LARGEST}", "-rss_limit_mb=1024"),
                *("-print_final_stats=0", f"-artifact_prefix={folder}/", str(corpus)),
            ],
            cwd=CHECKOUT,
            capture_output=True,
            timeout=seconds + _GRACE,
            check=False,
        )
        found = _DONE.search(ended.stderr)
        finding = "" if ended.returncode == 0 and found else _told(ended.stdout + ended.stderr)
    return Fuzzed(int(found[1]) if found else 0, int(found[2]) if found else 0, finding)


def _told(output: bytes) -> str:
    return output.decode(errors="replace")[-6000:] or "ended without a word"

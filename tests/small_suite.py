"""`python -m tests` for a file of its own, for those who judge what it makes of it."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

# A suite is up to five starts of pytest, each of which imports all that our own tests need.
_LEAN = "--noconftest -p no:schemathesis -p no:hypothesispytest -p no:inline_snapshot -p no:anyio"


@dataclass(frozen=True, slots=True)
class Ended:
    code: int | None
    printed: str
    file: str  # as pytest names it


async def suite_of(text: str, **settings: str) -> Ended:
    """`settings`: of its environment."""
    # Within the checkout: pytest names tests by their path in it.
    with tempfile.TemporaryDirectory(dir=Path(__file__).parent, prefix=".look-") as folder:
        file = Path(folder) / "test_some.py"
        file.write_text(text)
        run = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests", folder),
            env=os.environ | {"PYTEST_ADDOPTS": _LEAN} | settings,
            stdout=asyncio.subprocess.PIPE,
        )
        printed, _ = await run.communicate()
        name = file.relative_to(Path(__file__).parents[1])
        return Ended(run.returncode, printed.decode(), str(name))

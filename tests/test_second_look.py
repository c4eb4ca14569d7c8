"""`python -m tests`: a test that fails among others and never by itself stops nobody (ADR 14)."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

_FAILS_ONCE = """
from pathlib import Path

def test_flaky():
    seen = Path(__file__).with_name("seen")
    known = seen.exists()
    seen.touch()
    assert known
"""
_FAILS = "def test_bad(): assert 1 + 1 == 3\n"
_PASSES = "def test_good(): assert 1 + 1 == 2\n"
# A suite is up to five starts of pytest, each of which imports all that our own tests need.
LEAN = "--noconftest -p no:schemathesis -p no:hypothesispytest -p no:inline_snapshot -p no:anyio"


@pytest.fixture
def folder() -> Iterator[Path]:
    """Within the checkout: pytest names tests by their path in it."""
    with tempfile.TemporaryDirectory(dir=Path(__file__).parent, prefix=".look-") as name:
        yield Path(name)


async def suite_of(folder: Path, text: str) -> tuple[int | None, str]:
    (folder / "test_some.py").write_text(text)
    run = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests", str(folder)),
        env=os.environ | {"PYTEST_ADDOPTS": LEAN},
        stdout=asyncio.subprocess.PIPE,
    )
    printed, _ = await run.communicate()
    return run.returncode, printed.decode()


@pytest.mark.parametrize(
    ("text", "code", "told"),
    [
        pytest.param(_PASSES + _FAILS_ONCE, 0, True, id="fails once"),
        pytest.param(_FAILS_ONCE + _FAILS, 1, False, id="another one fails"),
    ],
)
async def test_only_what_fails_again_has_failed(
    folder: Path, text: str, code: int, told: bool
) -> None:
    ended, printed = await suite_of(folder, text)
    assert ended == code
    assert ("FLAKY, 1:" in printed) is told


async def test_many_are_no_bad_luck(folder: Path) -> None:
    many = [_FAILS_ONCE.replace("flaky", f"flaky_{n}").replace('seen"', f'{n}"') for n in range(6)]
    ended, printed = await suite_of(folder, "".join(many))
    assert ended == 1
    assert "Look 1" not in printed

"""Signalling knows no sockets, no clock, and chance in one place only."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from bridge.sip.core import Core
from bridge.sip.ids import Ids
from tests.bridge.sip.peer import settings

FOLDER = Path(__file__).parents[3] / "bridge" / "sip"
ALLOWED = {
    *(
        "__future__",
        "bridge",
        "collections",
        "dataclasses",
        "functools",
        "hashlib",
        "heapq",
        "hmac",
    ),
    *("ipaddress", "itertools", "re", "sipmessage", "typing", "urllib"),
}


@pytest.mark.parametrize("module", sorted(FOLDER.rglob("*.py")), ids=lambda path: path.stem)
def test_what_it_imports(module: Path) -> None:
    names = set()
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    extra = {"random", "secrets"} if module.name == "ids.py" else set()
    assert {name.partition(".")[0] for name in names} <= ALLOWED | extra
    assert all(name.startswith("bridge.sip") for name in names if name.startswith("bridge"))


def test_timers_fire_in_order_at_their_own_time_and_cancelled_ones_are_forgotten() -> None:
    core, fired = Core(settings(), Ids(1)), []
    core.clock(10.0)
    core.after(2, lambda: fired.append(("b", core.now)))
    core.after(1, lambda: core.after(0.5, lambda: fired.append(("a", core.now))))
    cancelled = [core.after(3, lambda: fired.append(("never", core.now))) for _ in range(5000)]
    for timer in cancelled:
        timer.cancel()
        timer.cancel()
    assert len(core._heap) < 3000
    core.advance(20.0)
    assert fired == [("a", 11.5), ("b", 12.0)]
    assert core.deadline is None
    assert core.now == 20.0


def test_time_does_not_go_back() -> None:
    core = Core(settings(), Ids(1))
    core.clock(10.0)
    core.clock(9.0)
    assert core.now == 10.0

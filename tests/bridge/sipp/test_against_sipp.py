"""The bridge's signalling, judged by SIPp (Debian's sip-tester) as carrier and as caller, over UDP
and TCP. The scenarios wait more than they work, so they are played side by side."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.bridge.sipp import caller_cases, carrier_cases, dialog_cases
from tests.bridge.sipp.stage import CASES, Case

pytestmark = pytest.mark.slow  # a process for each scenario

_FILES = (caller_cases, carrier_cases, dialog_cases)  # each registers its own in CASES

_AT_ONCE = 12
Outcomes = dict[tuple[str, str], asyncio.Task[None]]


def _named(cases: list[Case]) -> dict[str, Case]:
    named: dict[str, Case] = {}
    for case in cases:
        name = "-".join([case.role, case.scenario, *case.fill.values()])
        if name in named:  # the same scenario, and another course of the bridge
            name += f"-{case.play.__name__}"
        named[name] = case
    return named


_NAMED = _named(CASES)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def outcomes(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Outcomes]:
    """All that were chosen, under way."""
    room = asyncio.Semaphore(_AT_ONCE)

    async def play(case: Case, transport: str, folder: Path) -> None:
        async with room:
            await case.run(transport, folder)

    chosen = [
        (item.callspec.params["name"], item.callspec.params["transport"])
        for item in request.session.items
        if isinstance(item, pytest.Function) and item.module is request.module
    ]
    tasks = {
        (name, transport): asyncio.create_task(
            play(_NAMED[name], transport, tmp_path_factory.mktemp("sipp"))
        )
        for name, transport in chosen
    }
    yield tasks
    for task in tasks.values():
        task.cancel()
    await asyncio.gather(*tasks.values(), return_exceptions=True)


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("transport", ["udp", "tcp"])
@pytest.mark.parametrize("name", _NAMED)
async def test_the_bridge_and(name: str, transport: str, outcomes: Outcomes) -> None:
    await outcomes[name, transport]

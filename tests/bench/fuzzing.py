"""How much a fuzzer tries on the bridge in a minute, and what it finds."""

from __future__ import annotations

import asyncio

from tests.bench.figures import Budget, Figure
from tests.bench.load import Tell
from tests.fuzz.running import fuzz
from tests.fuzz.seeds import datagrams, descriptions, signalling

_SECONDS = 60.0
_TARGETS = {
    "SIP, with a live call": ("tests.fuzz.sip", signalling),
    "SDP": ("tests.fuzz.sdp", descriptions),
    "RTP and RTCP": ("tests.fuzz.rtp", datagrams),
}


async def measure(scale: float, tell: Tell) -> Figure:
    seconds = max(5.0, _SECONDS * scale)
    figure = Figure(
        "Fuzzing",
        f"atheris, {seconds:.0f} s a target, coverage-guided, from real messages on. A finding is "
        "an exception, an input that takes a second, or more than 1 GB.",
    )
    for name, (module, seeds) in _TARGETS.items():
        tell(name)
        fuzzed = await asyncio.to_thread(fuzz, module, seeds(), seconds=seconds)
        figure.row(f"executions, {name}", unit="inputs").add(fuzzed.runs)
        figure.row(f"findings, {name}", unit="findings", budget=Budget(100, 0)).add(
            bool(fuzzed.finding)
        )
        if fuzzed.finding:
            figure.notes.append(f"{name}: {fuzzed.finding[-300:]}")
    return figure

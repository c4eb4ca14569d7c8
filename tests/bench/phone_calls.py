"""Figures of outbound calls, taken at the phone: its first word, and how quiet a hold is."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from tests.bench.bench import ASSISTANT, FAILURES, Bench
from tests.bench.figures import Budget, Figure
from tests.e2e.phone.far_side import Carrier, CarrierRecord, number

TRUNK = "sandbox"
_OPENING_LASTS = 4.5
_PAUSE = timedelta(seconds=0.3)  # between words
_QUESTION = "I would like to book a table for four on Friday evening."


@dataclass(frozen=True, slots=True)
class _Placed:
    call_id: str
    far: CarrierRecord


async def measure_first_words(bench: Bench) -> Figure:
    figure = Figure(
        "Phone: answer to Atlas' first sample at the phone",
        "From the phone's 200 OK to the first packet of RTP with sound in it, by the carrier's "
        "clock; the phone rings for 0.3 s, and rings for 4 s in the second row. The greeting's own "
        "leading silence is part of it.",
    )
    for ending, name, full in (("0100", "rings 0.3 s", 20), ("0107", "rings 4 s", 10)):
        row = figure.row(f"200 OK to first sample, {name}", budget=Budget(95, 500))
        for index in range(bench.count(full, least=2)):
            bench.tell(f"first words {name} {index + 1}")
            await bench.settle()
            try:
                far = await _listen_to(bench, ending)
                audible = far.audible()
                if not audible:
                    row.fail("nothing was heard")
                else:
                    row.add((audible[0][0] - far.moment("answered_at")).total_seconds() * 1000)
            except (*FAILURES, AssertionError) as error:
                row.fail(error)
    return figure


async def measure_hold(bench: Bench) -> Figure:
    figure = Figure(
        "Phone: hold and resume",
        "The phone presses hold in the middle of an answer, waits for 2 s and resumes; by the "
        "carrier's clock, from the moment the phone presses (its re-INVITE) to the last packet "
        "with sound in it, 0 when none came after that, and from the resume to the next one.",
    )
    quiet = figure.row("re-INVITE to last audible sample", budget=Budget(99, 150))
    back = figure.row("resume to next audible sample", budget=Budget(99, 1000))
    events = figure.row("events of such a call", unit="events", budget=Budget(100, 150))
    for index in range(bench.count(20, least=2)):
        bench.tell(f"hold {index + 1}")
        await bench.settle()
        try:
            placed, last, first = await _held(bench)
            quiet.add(last)
            events.add(await _events(bench, placed.call_id))
            if first is None:
                back.fail("nothing was said after the resume")
            else:
                back.add(first)
        except (*FAILURES, AssertionError) as error:
            quiet.fail(error)
    return figure


async def _events(bench: Bench, call_id: str) -> int:
    described = await bench.temporal.get_workflow_handle(call_id).describe()
    return described.history_length


async def _held(bench: Bench) -> tuple[_Placed, float, float | None]:
    """ms from the pressed hold to the last sound, and from the resume to the next."""
    placed = await _place(bench, "0100")
    far = placed.far
    await far.until("answered_at")
    await far.is_answered_by_voice()
    await asyncio.sleep(_OPENING_LASTS)
    await far.say(_QUESTION)
    await far.is_answered_by_voice()
    await far.do(hold="sendonly")
    await far.do(listen=2)
    await far.resume()
    await asyncio.sleep(2.0)
    await far.hang_up()
    await far.over()
    await bench.ended(placed.call_id)
    steps = {
        each["step"]: datetime.fromisoformat(each["at"])
        for each in far.document["doings"]
        if each["what"] == "step"
    }
    pressed = next(at for step, at in steps.items() if "hold" in step)
    resumed = next(at for step, at in steps.items() if "resume" in step)
    spoken = [span for span in far.audible() if span[0] < pressed < span[1] + _PAUSE]
    if not spoken:
        raise RuntimeError("Atlas was not speaking when the phone pressed hold")
    last = max((ended - pressed).total_seconds() for _, ended in spoken)
    after = [began for began, _ in far.audible() if began > resumed]
    first = (after[0] - resumed).total_seconds() * 1000 if after else None
    return placed, max(0.0, last) * 1000, first


async def _listen_to(bench: Bench, ending: str) -> CarrierRecord:
    placed = await _place(bench, ending)
    await placed.far.until("answered_at", 30)
    await asyncio.sleep(3.0)
    await placed.far.hang_up()
    await placed.far.over()
    await bench.ended(placed.call_id)
    return placed.far


async def _place(bench: Bench, ending: str) -> _Placed:
    control = bench.stack.description.stand_ins["carrier"].control_url
    carrier = Carrier(control, Path(bench.stack.run_dir) / "carrier")
    to = number(ending)
    order = {
        "assistant_id": ASSISTANT,
        "trunk_id": TRUNK,
        "to_number": to,
        "record": False,
    }
    answer = await bench.http.post("/call/outbound", json=order)
    answer.raise_for_status()
    return _Placed(answer.json()["call_id"], await carrier.call_to(to))

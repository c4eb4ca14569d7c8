"""Figure 6: how much history an ordinary call leaves in Temporal."""

from __future__ import annotations

from collections import Counter

from contract.identity import recording_workflow_id
from tests.bench.bench import FAILURES, Bench
from tests.bench.conversations import QUESTIONS, ask, greeted
from tests.bench.figures import Budget, Figure, Table
from tests.bench.histories import count_kinds, size_of

_TURNS = 3


async def measure(bench: Bench) -> Figure:
    figure = Figure(
        "6. History of an ordinary call",
        f"A recorded web call of {_TURNS} turns that the caller ends: events and bytes of the call "
        "workflow and of its recording workflow, as Temporal counts them once both are over. The "
        "budget is for the call's own history, as Temporal's limits are; the sum is shown as well.",
    )
    call_events = figure.row("events, call workflow", unit="events", budget=Budget(100, 150))
    both = figure.row("events, call and recording", unit="events")
    recording_events = figure.row("events, recording workflow", unit="events")
    call_bytes = figure.row("bytes, call workflow", unit="bytes")
    recording_bytes = figure.row("bytes, recording workflow", unit="bytes")
    kinds: tuple[Counter[str], Counter[str]] = (Counter(), Counter())
    for number in range(bench.count(4)):
        bench.tell(f"ordinary call {number + 1}")
        await bench.settle()
        try:
            opened = await bench.open_call(record=True)
            async with bench.joined(opened) as caller:
                await greeted(caller)
                for question in QUESTIONS[:_TURNS]:
                    await ask(caller, question)
            recording_id = recording_workflow_id(opened.call_id)
            for workflow_id in (opened.call_id, recording_id):
                await bench.temporal.get_workflow_handle(workflow_id).result()
            call = await size_of(bench.temporal, opened.call_id)
            recording = await size_of(bench.temporal, recording_id)
        except FAILURES as error:
            both.fail(error)
            continue
        both.add(call[0] + recording[0])
        call_events.add(call[0])
        call_bytes.add(call[1])
        recording_events.add(recording[0])
        recording_bytes.add(recording[1])
        for counted, workflow_id in zip(kinds, (opened.call_id, recording_id), strict=True):
            counted.update(await count_kinds(bench.temporal, workflow_id))
    calls = max(1, len(both.values))
    rows = [
        (name, *(f"{counted[name] / calls:.1f}" for counted in kinds))
        for name, _ in (kinds[0] + kinds[1]).most_common()
    ]
    headings = ("kind", "call workflow", "recording workflow")
    figure.tables.append(Table("Events by kind, a call", headings, rows))
    return figure

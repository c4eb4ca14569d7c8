"""Figure 4: how long the caller waits for an answer."""

from __future__ import annotations

from tests.bench import bare_transport
from tests.bench.bench import FAILURES, Bench
from tests.bench.conversations import QUESTIONS, NoTrace, Turn, greeted, timed_turn
from tests.bench.figures import Budget, Figure, steps_table


async def measure(bench: Bench) -> Figure:
    figure = Figure(
        "4. Turn response",
        "From the last voiced sample that the caller sends to the first loud frame that it "
        "receives (raw); net is without what the stand-ins add, as their logs have it (speech "
        "recognition's endpointing and recognition, the language model's words until "
        "its first sentence is whole, the voice's first audio and the silence that it begins "
        "with), overlaps subtracted once. Beside it, in the same run: how long a voice takes from "
        "one caller to another without an agent; a turn contains it twice.",
    )
    raw = figure.row("raw")
    bare = figure.row("net of what the stand-ins add", budget=Budget(50, 200))
    net = figure.row("the same with the words after the first token and the leading silence")
    transport = figure.row("bare transport, one caller to another, one way")
    turns: list[Turn] = []
    bench.tell("bare transport")
    await bench.settle()
    try:
        sentences = list(QUESTIONS) * bench.count(4)
        await bare_transport.measure(bench.stack.description, sentences, transport)
    except FAILURES as error:
        transport.fail(error)
    for number in range(bench.count(4)):
        await bench.settle()
        await bench.forget_logs()
        to_ask = list(QUESTIONS)
        try:
            async with bench.joined(await bench.open_call(record=True)) as caller:
                await greeted(caller)
                while to_ask:
                    bench.tell(f"call {number + 1}: {to_ask[0]}")
                    turns.append(await timed_turn(bench, caller, to_ask.pop(0)))
        except (*FAILURES, NoTrace) as error:
            # The question that failed, and those that could not be asked any more.
            for _ in range(len(to_ask) + 1):
                net.fail(error)
    for turn in turns:
        raw.add(turn.raw * 1000)
        net.add(turn.net * 1000)
        bare.add(turn.bare * 1000)
    if net.values and transport.values:
        rest = bare.percentile(50) - 2 * transport.percentile(50)
        figure.notes.append(
            f"Of the net's p50 {bare.percentile(50):.0f} ms, two bare transports are "
            f"{2 * transport.percentile(50):.0f} ms; {rest:.0f} ms are left for Atlas (its audio "
            "frames and those of the plugins, its session, its sentences)."
        )
    figure.tables.append(steps_table("The steps of a turn", [turn.steps() for turn in turns]))
    return figure

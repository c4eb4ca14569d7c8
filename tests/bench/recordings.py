"""What becomes of a hundred recordings when something goes wrong with every second one."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import datetime
from typing import Any

import httpx2
from temporalio.client import Client

from contract.identity import recording_workflow_id
from sandbox.providers.pcm import decode_file
from tests.bench.bench import FAILURES, Bench
from tests.bench.conversations import QUESTIONS, ask, greeted
from tests.bench.figures import Budget, Figure, Table
from tests.bench.histories import size_of
from tests.bench.recording_troubles import TROUBLES, Hope, Trouble
from tests.e2e.listening import VoiceEar, atlas_ear, caller_ear, lines_in

_CALLS = 100
_SETTLED = ("ready", "needs_attention", "lost")
_SETTLES_WITHIN = 120.0  # s
_RETRIED_WITHIN = 60.0  # s
_REASON = {"reason": "The benchmark's operator: what was wrong is over."}
_NOTHING_WRONG = "nothing"


class WrongEnd(AssertionError):
    """A recording that is not what its fault allows."""


async def measure(bench: Bench) -> Figure:
    calls = bench.count(_CALLS, least=2 * len(TROUBLES))
    figure = Figure(
        "Recordings: faults in every second one",
        "Recorded web calls of a greeting and one turn, one after the other; before, or in the "
        "middle of, every second one the recorder is told to do something wrong, each fault in "
        "turn. What a fault leaves recoverable must end `ready`, by itself or after an operator's "
        "retry; what it destroys must end otherwise, and say why. Each `ready` file is fetched by "
        "its link, decoded, and a sentence that was said found in it by ear. Report ready: from "
        "the end of the call to the line that tells the recording's end, or the bill's where that "
        "is later, by the timeline; wrap-up: the call's own events from its end on, and all of "
        "its recording's. Both of calls in which nothing went wrong.",
    )
    wrong = figure.row("recordings that ended untruthfully", unit="calls", budget=Budget(100, 0))
    ready = figure.row("end of call to report ready")
    wrap_up = figure.row("wrap-up, call workflow", unit="events")
    recording = figure.row("recording workflow", unit="events")
    ends: Counter[tuple[str, str]] = Counter()
    ears = (atlas_ear(), caller_ear())
    for number in range(calls):
        trouble = TROUBLES[number // 2 % len(TROUBLES)] if number % 2 else None
        name = trouble.name if trouble else _NOTHING_WRONG
        bench.tell(f"recording {number + 1} of {calls}: {name}")
        try:
            call_id = await _recorded(bench, trouble)
            ends[name, await _outcome(bench, call_id, trouble, ears)] += 1
            if trouble is None:
                ready.add(await _report_took(bench, call_id))
                wrap_up.add(await _events_after_the_end(bench, call_id))
                size = await size_of(bench.temporal, recording_workflow_id(call_id))
                recording.add(size[0])
        except WrongEnd as error:
            ends[name, "untruthful"] += 1
            wrong.fail(f"{name}: {error}")
            continue
        except FAILURES as error:
            wrong.fail(f"{name}: {type(error).__name__}: {error}")
            continue
        finally:
            await bench.forgive("recorder")
        wrong.add(0)
    names = [_NOTHING_WRONG, *(trouble.name for trouble in TROUBLES)]
    hopes = {trouble.name: trouble.hope.value for trouble in TROUBLES}
    figure.tables.append(
        Table(
            "What became of them",
            ("what went wrong", "expected", "calls"),
            [
                (name, hopes.get(name, Hope.HEALS.value), _told(ends, name))
                for name in names
                if _told(ends, name)
            ],
        )
    )
    return figure


async def _recorded(bench: Bench, trouble: Trouble | None) -> str:
    """A call whose caller has left and whose bill is settled."""
    if trouble and not trouble.in_mid_call:
        await bench.misbehave("recorder", trouble.fault)
    opened = await bench.open_call(record=True)
    async with bench.joined(opened) as caller:
        await greeted(caller)
        if trouble and trouble.in_mid_call:
            await bench.misbehave("recorder", trouble.fault)
            await asyncio.sleep(trouble.noticed_after)
        await ask(caller, QUESTIONS[0])
        await asyncio.sleep(1.0)  # the answer's end is on its way to the recorder as well
    return opened.call_id


async def _outcome(
    bench: Bench, call_id: str, trouble: Trouble | None, ears: tuple[VoiceEar, VoiceEar]
) -> str:
    """How it ended, in words. Raises WrongEnd."""
    hope = trouble.hope if trouble else Hope.HEALS
    found = await _settled(bench, call_id)
    end = str(found["status"])
    if end == "needs_attention" and trouble:
        await bench.forgive("recorder")
        found = await _retried(bench, call_id)
        end = f"{end}, then {found['status']}"
    is_ready = found["status"] == "ready"
    if hope is Hope.HEALS and end != "ready":
        raise WrongEnd(f"{call_id} is {end}: {found['detail']}")
    if hope is Hope.RETRY and not is_ready:
        raise WrongEnd(f"{call_id} is {end}: {found['detail']}")
    if hope is Hope.NONE and (is_ready or not found["detail"].strip()):
        raise WrongEnd(f"{call_id} is {end}, with the words {found['detail']!r}")
    if is_ready and not await _speaks(found, ears):
        raise WrongEnd(f"{call_id} is {end}, and nothing that was said is in its file")
    return end


async def _settled(bench: Bench, call_id: str) -> dict[str, Any]:
    async with asyncio.timeout(_SETTLES_WITHIN):
        while True:
            found: dict[str, Any] = (await bench.http.get(f"/calls/{call_id}/recording")).json()
            if found["status"] in _SETTLED:
                return found
            await asyncio.sleep(0.2)


async def _retried(bench: Bench, call_id: str) -> dict[str, Any]:
    """After one retry of an operator, which may be refused: then there was nothing to be done."""
    answer = await bench.http.post(
        f"/calls/{call_id}/recording/retry",
        json=_REASON,
        headers={"Prefer": "wait=25"},
        timeout=_RETRIED_WITHIN,
    )
    answer.raise_for_status()
    return await _settled(bench, call_id)


async def _speaks(found: dict[str, Any], ears: tuple[VoiceEar, VoiceEar]) -> bool:
    async with httpx2.AsyncClient() as anybody:  # the link alone must do
        file = await anybody.get(found["url"])
    if not file.is_success or len(file.content) != found["size_bytes"]:
        return False
    samples, rate = decode_file(file.content)
    return bool(await lines_in(samples, rate, *ears))


async def _report_took(bench: Bench, call_id: str) -> float:
    """Milliseconds."""
    lines = (await bench.http.get(f"/calls/{call_id}/timeline")).json()["items"]
    at = {line["kind"]: datetime.fromisoformat(line["at"]) for line in lines}
    reported = max(at["recording_ready"], at["bill_settled"])
    return (reported - at["ended"]).total_seconds() * 1000


async def _events_after_the_end(bench: Bench, call_id: str) -> int:
    call = (await bench.http.get(f"/calls/{call_id}")).json()
    ended = datetime.fromisoformat(call["ended_at"])
    return await _events_since(bench.temporal, call_id, ended)


async def _events_since(temporal: Client, workflow_id: str, moment: datetime) -> int:
    handle = temporal.get_workflow_handle(workflow_id)
    await handle.result()
    events = [event async for event in handle.fetch_history_events()]
    return sum(event.event_time.ToDatetime(moment.tzinfo) >= moment for event in events)


def _told(ends: Counter[tuple[str, str]], name: str) -> str:
    return "; ".join(f"{count} {end}" for (which, end), count in ends.items() if which == name)

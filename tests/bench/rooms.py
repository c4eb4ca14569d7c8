"""How many legs in LiveKit rooms one core bears, and how long sound is on its way through one."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from uuid import uuid4

from livekit import api

from sandbox.stack import Stack
from tests.bench import chirps
from tests.bench.figures import Budget, Figure, Table
from tests.bench.load import Tell
from tests.bench.machine import Others
from tests.bench.other_process import line_of, other_process
from tests.bench.priorities import prefer
from tests.bench.processes import tree_of
from tests.bench.room_legs import Carried, Legs
from tests.bench.room_people import People

_LEGS = (1, 5, 12, 20)
_SECONDS = 15.0
_SETTLE = 20.0  # s until listeners have forgotten the rush in which all joined at once
_WATCHED = 2  # legs whose delay is told
_STALLS = 3
_RECOVERY = 5.5  # s after a stall: listeners need them to speed up to where they were
_IN, _OUT, _AFTER = Budget(99, 70), Budget(99, 90), Budget(99, 80)
_CPU = Budget(100, 80 / 12)  # twelve legs on four fifths of a core
_CPU_FROM = 12  # legs
_LATE = Budget(100, 20)
_JOINING = 120.0  # s


@dataclass(slots=True)
class Ran:
    carried: Carried = field(default_factory=Carried)
    into: list[float] = field(default_factory=list)  # ms
    out: list[float] = field(default_factory=list)  # ms
    server_share: float = 0.0  # % of a core


async def measure_legs(scale: float, tell: Tell) -> Figure:
    figure = Figure(
        "Legs: calls between phones and rooms in one process",
        "A process (uvloop) with nothing but the sound of so many calls: PCMU at 50 packets a "
        "second each way, a LiveKit room and one voice each, all speaking all the time. Phones, "
        "people and LiveKit are other processes, on the same cores, all of them at the real-time "
        "priority that a bridge takes. CPU is that "
        "of the legs' process alone, by its own clock. Late: from when a call's 20 ms tick was due "
        "until its turn began.",
    )
    threads: dict[int, dict[str, float]] = {}
    async with server() as (stack, others):
        for legs in _LEGS if scale >= 0.2 else _LEGS[:1]:
            tell(f"sound of {legs} legs")
            ran = await run(stack, legs, _SECONDS * min(1.0, max(scale, 0.2)))
            carried = ran.carried
            # What a process takes once is shared by few at first; the budget is of twelve and more.
            budget = _CPU if legs >= _CPU_FROM else None
            cpu = figure.row(f"CPU a leg, {legs} legs", unit="% of a core", budget=budget)
            cpu.add(100 * carried.cpu_seconds / carried.seconds / legs)
            figure.row(f"late, {legs} legs", budget=_LATE).values += carried.late_ms
            threads[legs] = {
                name: 100 * spent / carried.seconds / legs
                for name, spent in carried.threads.items()
            }
            figure.notes.append(_told(legs, ran, others))
    figure.tables.append(_split(threads))
    return figure


async def measure_delay(scale: float, tell: Tell) -> Figure:
    figure = Figure(
        "Legs: how long sound is on its way between phone and room",
        "Chirps in a hum, one each 0.7 s, found again by cross-correlation. In: from the "
        "datagram at the phone's socket to the frame at a participant's `rtc.AudioStream`; out: "
        "from the frame that a participant hands over to the datagram at the phone's socket. All "
        "of it: the bridge's buffers, Opus, the server, and the participant's own jitter buffer. "
        "Legs have the real-time priority that a bridge takes; so do those who have cores of their "
        "own in life: phones, people and the server. "
        "Stall: the event loop of the legs stands still for 400 ms; told from "
        f"{_RECOVERY:g} s later on.",
    )
    async with server() as (stack, others):
        for legs in (1, 5) if scale >= 0.2 else (1,):
            tell(f"delay of {legs} legs")
            ran = await run(stack, legs, 2 * _SECONDS * min(1.0, max(scale, 0.2)), watched=_WATCHED)
            figure.row(f"in, {legs} legs", budget=_IN).values += ran.into
            figure.row(f"out, {legs} legs", budget=_OUT).values += ran.out
            figure.notes.append(_told(legs, ran, others))
        into = figure.row("in, after a stall", budget=_AFTER)
        out = figure.row("out, after a stall", budget=_AFTER)
        for _ in range(_STALLS if scale >= 0.2 else 1):
            tell("delay after a stall")
            ran = await run(stack, 1, _RECOVERY + 5.0, watched=1, order="stall", since=_RECOVERY)
            into.values += ran.into
            out.values += ran.out
    return figure


def _told(legs: int, ran: Ran, others: Others) -> str:
    carried = ran.carried
    total = 100 * carried.cpu_seconds / carried.seconds
    return (
        f"{legs} legs: {total:.0f} % of a core, LiveKit's server {ran.server_share / legs:.1f} % a "
        f"leg, {carried.memory_mb:.0f} MB; of {carried.received} packets {carried.lost} lost and "
        f"{carried.late} late, {carried.missed} ticks missed, {carried.dropped_in} frames dropped "
        f"towards the room and {carried.dropped_out} towards the phones, {carried.empty_out} had "
        f"not come in time. Other programs took {others.share():.0f} % of the machine meanwhile, "
        "the phones and people among them."
    )


def _split(threads: dict[int, dict[str, float]]) -> Table:
    names = sorted({name for one in threads.values() for name in one})
    rows = [
        (name, *(f"{one.get(name, 0):.2f}" for one in threads.values()))
        for name in names
        if any(one.get(name, 0) >= 0.05 for one in threads.values())
    ]
    return Table("% of a core a leg, by thread", ("thread", *map(str, threads)), rows)


@asynccontextmanager
async def server() -> AsyncIterator[tuple[Stack, Others]]:
    async with Stack(free_ports=True, only=["livekit"]) as stack:
        prefer(stack.pids("livekit"))
        yield stack, Others(stack.pids)


async def run(
    stack: Stack,
    legs: int,
    seconds: float,
    *,
    watched: int = 0,
    order: str = "begin",
    since: float = 0.0,
) -> Ran:
    """`order`: what the legs are told when the measuring begins; `since`: seconds after it from
    when on delays are told."""
    here = stack.description
    watched = min(watched, legs)
    rooms = [f"bench-{uuid4().hex[:8]}" for _ in range(legs)]

    def tokens(identity: str) -> list[str]:
        return [
            api.AccessToken(here.livekit_api_key, here.livekit_api_secret)
            .with_identity(identity)
            .with_grants(api.VideoGrants(room_join=True, room=room))
            .to_jwt()
            for room in rooms
        ]

    async with (
        other_process("tests.bench.room_people") as people,
        other_process("tests.bench.room_phones", str(watched)) as phones,
        other_process("tests.bench.room_legs") as carrying,
    ):
        assert people.stdin is not None
        assert phones.stdin is not None
        assert carrying.stdin is not None
        told = People(here.livekit_url, tokens("atlas-1"), watched)
        people.stdin.write(_line(told))
        await line_of(people, within=_JOINING)
        port = int(await line_of(phones))
        carrying.stdin.write(_line(Legs(here.livekit_url, tokens("phone"), port)))
        phones.stdin.write(await line_of(carrying, within=_JOINING))
        await asyncio.sleep(_SETTLE)
        cpu, began = tree_of(stack.pids("livekit")).cpu_seconds, time.monotonic()
        carrying.stdin.write(order.encode() + b"\n")
        await asyncio.sleep(seconds)
        cpu = tree_of(stack.pids("livekit")).cpu_seconds - cpu
        ran = Ran(server_share=100 * cpu / (time.monotonic() - began))
        for one in (carrying, phones, people):
            assert one.stdin is not None
            one.stdin.close()
        ran.carried = Carried(**json.loads(await line_of(carrying)))
        ends = zip(
            json.loads(await line_of(phones)), json.loads(await line_of(people)), strict=True
        )
        for (phone_sent, phone_heard), (person_sent, person_heard) in ends:
            ran.into += chirps.delays(phone_sent, person_heard, began + since)
            ran.out += chirps.delays(person_sent, phone_heard, began + since)
    return ran


def _line(told: People | Legs) -> bytes:
    return json.dumps(asdict(told)).encode() + b"\n"

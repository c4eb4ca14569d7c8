"""`python -m tests.bench.room_people`: those whom phones speak with, one in each room.

Reads one JSON line of `People`, prints a line when all are in their rooms, and at the end of stdin
prints a JSON line: for each of the watched ones when its chirps were handed over, and when some
were heard (s of the monotonic clock, which all processes share).
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from dataclasses import dataclass

import uvloop
from livekit import rtc

from bridge.room.microphone import Microphone
from engine.leaving import leave
from tests.bench import chirps
from tests.bench.priorities import prefer_this_process

RATE = 16_000  # of what people say and hear
_EVERY = 0.02


@dataclass(frozen=True, slots=True)
class People:
    url: str
    tokens: list[str]
    watched: int  # how many of them


class Person:
    """Speaks all the time, and keeps what it hears where it is watched."""

    def __init__(self, index: int, watched: bool) -> None:
        self._sent: list[float] = []  # chirps
        self._heard: list[tuple[float, bytes]] = []
        self._index, self._watched = index, watched
        self._room = rtc.Room()
        # Not livekit's own way: so many people's frames would keep this process from its clock.
        self._microphone = Microphone(self._room)
        self._tasks: set[asyncio.Task[None]] = set()

    async def join(self, url: str, token: str) -> None:
        self._room.on("track_subscribed", self._subscribed)
        await self._room.connect(url, token)
        await self._microphone.publish(RATE)
        self._tasks.add(asyncio.create_task(self._speak()))

    def told(self) -> tuple[list[float], list[float]]:
        return self._sent, chirps.moments(self._heard, RATE)

    async def _speak(self) -> None:
        frames = chirps.frames(RATE)
        loop = asyncio.get_running_loop()
        due, at = loop.time() + self._index * 0.003 % _EVERY, self._index * 7
        while True:
            due += _EVERY
            await asyncio.sleep(due - loop.time())
            if at % chirps.EVERY == 0 and self._watched:
                self._sent.append(time.monotonic())
            self._microphone.feed(frames[at % len(frames)])
            at += 1

    def _subscribed(self, track: rtc.Track, *_: object) -> None:
        if isinstance(track, rtc.RemoteAudioTrack) and self._watched:
            self._tasks.add(asyncio.create_task(self._hear(track)))

    async def _hear(self, track: rtc.RemoteAudioTrack) -> None:
        stream = rtc.AudioStream(track, sample_rate=RATE, num_channels=1)
        async for event in stream:
            self._heard.append((time.monotonic(), bytes(event.frame.data.cast("B"))))


async def _be_there() -> None:
    loop = asyncio.get_running_loop()
    wanted = People(**json.loads(sys.stdin.readline()))
    people = [Person(index, index < wanted.watched) for index in range(len(wanted.tokens))]
    for person, token in zip(people, wanted.tokens, strict=True):
        await person.join(wanted.url, token)
    print("there", flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    print(json.dumps([person.told() for person in people[: wanted.watched]]), flush=True)
    leave(0)


if __name__ == "__main__":
    prefer_this_process()
    uvloop.run(_be_there())

"""The far side of phone calls: what the carrier saw, and what was heard at the phone."""

from __future__ import annotations

import asyncio
import itertools
import secrets
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import numpy.typing as npt

from sandbox.caller.hearing import LOUD
from sandbox.providers.mouth import Samples
from tests.e2e.listening import Match, VoiceEar
from tests.e2e.switchboard import eventually

_HEADER = 44  # bytes of a WAV file before its samples
# G.711 and a jitter buffer after Opus: the right sentence costs up to 1.2, the next one 1.8 more.
_CLEAR_COST = 1.4
_CLEAR_LEAD = 0.5
_numbers = itertools.count(secrets.randbelow(9000))


def number(ending: str = "0100") -> str:
    """One that nobody called before; its last digits say what the phone does
    (docs/sandbox_carrier.md)."""
    return f"+9198{next(_numbers) % 10_000:04d}{ending}"


class CarrierRecord:
    """The carrier's own account of one call; `document` is as it was last read."""

    def __init__(self, carrier: Carrier, document: dict[str, Any]) -> None:
        self._carrier = carrier
        self.document = document

    @property
    def id(self) -> str:
        return str(self.document["id"])

    async def read(self) -> dict[str, Any]:
        self.document = await self._carrier.get(f"/calls/{self.id}")
        return self.document

    async def until(self, field: str, timeout: float = 20.0) -> Any:
        """The value of this field, once there is one."""

        async def look() -> Any:
            return (await self.read())[field]

        return await eventually(
            look, timeout=timeout, otherwise=lambda: f"no {field} in {self.document}"
        )

    async def over(self, timeout: float = 20.0) -> dict[str, Any]:
        await self.until("ended_at", timeout)
        return self.document

    async def do(self, **step: Any) -> None:
        """The phone does this now; returns when it is done."""
        await self._carrier.post(f"/calls/{self.id}/step", step)

    async def say(self, text: str) -> None:
        await self.do(say=text)

    async def resume(self) -> None:
        await self._carrier.post(f"/calls/{self.id}/step", "resume")

    async def hang_up(self) -> None:
        await self._carrier.post(f"/calls/{self.id}/step", "hang_up")

    def moment(self, field: str) -> datetime:
        return datetime.fromisoformat(self.document[field])

    def audible(self) -> list[tuple[datetime, datetime]]:
        """When sound came over the wire, also when the phone listened to none: while it held, or
        had not answered. As last read."""
        return [
            (datetime.fromisoformat(began), datetime.fromisoformat(ended))
            for began, ended in self.document["wire"]["audible"]
        ]

    def loudest(self, when: str) -> int:
        """`before_answer` or `while_held`: the loudest sample that came over the wire then."""
        return int(self.document["wire"][when]["loudest"])

    async def hears(
        self, ear: VoiceEar, sentence: str, *, times: int = 1, timeout: float = 20.0
    ) -> None:
        """Wait until the phone has heard this sentence to its end, so many times."""
        best: list[Match] = []

        async def look() -> bool:
            said = await self._sentences(ear)
            best[:] = said
            return sum(match.text == sentence and is_clear(match) for match in said) >= times

        await eventually(
            look, timeout=timeout, otherwise=lambda: f"{sentence!r} expected, heard {best}"
        )

    async def is_answered_by_voice(self, *, seconds: float = 0.3, timeout: float = 15.0) -> None:
        """Wait until somebody speaks to the phone again, from now on, for so long."""
        before = await self._loud_seconds()

        async def look() -> bool:
            return await self._loud_seconds() >= before + seconds

        await eventually(look, timeout=timeout, otherwise="Nobody speaks to the phone.")

    async def _loud_seconds(self) -> float:
        file = self._carrier.recordings / f"{self.id}.wav"
        if not file.exists():
            return 0.0
        rate, samples = await asyncio.to_thread(_read_wav, file)
        return 0.02 * int((_loudness(samples, rate) > LOUD).sum())

    async def sentences(self, ear: VoiceEar) -> list[str]:
        """What was understood, in order."""
        return [match.text for match in await self._sentences(ear) if is_clear(match)]

    async def _sentences(self, ear: VoiceEar) -> list[Match]:
        file = self._carrier.recordings / f"{self.id}.wav"
        if not file.exists():
            return []
        rate, samples = await asyncio.to_thread(_read_wav, file)
        clips = _utterances(samples, rate)
        return [
            match
            for match in [await asyncio.to_thread(ear.compare, clip, rate) for clip in clips]
            if match is not None
        ]


class Carrier:
    """The control pages of the sandbox's carrier."""

    def __init__(self, control_url: str, recordings: Path) -> None:
        self._url = control_url
        self.recordings = recordings
        self._http = httpx2.AsyncClient(timeout=40)

    async def aclose(self) -> None:
        await self._http.aclose()

    async def get(self, path: str) -> Any:
        answer = await self._http.get(f"{self._url}{path}")
        assert answer.status_code == 200, f"{path}: {answer.status_code} {answer.text}"
        return answer.json()

    async def post(self, path: str, body: Any) -> Any:
        answer = await self._http.post(f"{self._url}{path}", json=body)
        assert answer.status_code < 300, f"{path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    async def fault(self, operation: str, kind: str, **more: Any) -> None:
        await self.post("/fault", {"operation": operation, "kind": kind, **more})

    async def clear_faults(self) -> None:
        await self._http.delete(f"{self._url}/fault")

    async def calls_to(self, called: str) -> list[CarrierRecord]:
        found = await self.get("/calls")
        records = found["calls"] if isinstance(found, dict) else found
        return [CarrierRecord(self, each) for each in records if called in each["to"]]

    async def call_to(self, called: str, timeout: float = 20.0) -> CarrierRecord:
        """The one call to this number, once it has come."""

        async def look() -> list[CarrierRecord]:
            return await self.calls_to(called)

        found: list[CarrierRecord] = await eventually(
            look, timeout=timeout, otherwise=f"No call reached the carrier for {called}."
        )
        assert len(found) == 1, f"{len(found)} calls to one number: {[c.document for c in found]}"
        return found[0]


def is_clear(match: Match) -> bool:
    return match.cost <= _CLEAR_COST and match.lead >= _CLEAR_LEAD


def _read_wav(file: Path) -> tuple[int, Samples]:
    """Also of a file that is still being written, whose header has no length yet."""
    raw = file.read_bytes()
    rate = int.from_bytes(raw[24:28], "little") or 8000
    data = raw[_HEADER : _HEADER + (len(raw) - _HEADER) // 2 * 2]
    return rate, np.frombuffer(data, dtype="<i2")


def _loudness(samples: Samples, rate: int) -> npt.NDArray[np.int32]:
    """The peak of each 20 ms."""
    step = rate // 50
    whole = samples[: samples.size // step * step].reshape(-1, step).astype(np.int32)
    peaks: npt.NDArray[np.int32] = np.abs(whole).max(axis=1, initial=0)
    return peaks


def _utterances(samples: Samples, rate: int, pause: float = 0.6) -> list[Samples]:
    """Cut where nobody speaks for `pause` seconds. The last one counts once it is over."""
    step = rate // 50
    loudness = _loudness(samples, rate)
    loud = np.flatnonzero(loudness > LOUD)
    if loud.size == 0:
        return []
    gap = int(pause * 50)
    edges = np.flatnonzero(np.diff(loud) > gap)
    starts = np.concatenate(([loud[0]], loud[edges + 1]))
    ends = np.concatenate((loud[edges], [loud[-1]]))
    return [
        samples[max(0, start - 5) * step : (end + 6) * step]
        for start, end in zip(starts, ends, strict=True)
        if end + gap < loudness.size
    ]

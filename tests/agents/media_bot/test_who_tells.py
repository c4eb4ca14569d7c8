"""Media Bot and Atlas together: what the caller says is in the record once, whoever is deaf."""

from __future__ import annotations

import asyncio

import pytest

from agents.media_bot.transcription.ear import Sentence
from agents.media_bot.transcription.providers import Provider
from tests.agents import virtual_clock
from tests.agents.media_bot.test_ear import DEGRADED, RESTORED, Scene
from tests.agents.test_caller_turns import Stage, at

Span = tuple[float, float]
_WORKFLOW = 0.2  # seconds from a fact to the attribute that it makes


class Call:
    """Both hear the caller: Media Bot by its recognisers, Atlas by its own half a second later."""

    def __init__(self) -> None:
        self.stage, self.scene = Stage(), Scene()
        self._by_media_bot: list[Span] = []
        self._facts = self._sentences = 0
        self.said: list[Span] = []
        self._work = [asyncio.create_task(self._workflow()), asyncio.create_task(self._deliver())]

    @property
    def by_atlas(self) -> list[Span]:
        return [(float(start), float(end)) for start, _, end in map(_cut, self.stage.told)]

    @property
    def record(self) -> list[Span]:
        return sorted(self._by_media_bot + self.by_atlas)

    async def speak(self, seconds: float, pause: float) -> None:
        start = round((self.stage.now() - at(0)).total_seconds(), 1)
        await self.scene.talk.speak(seconds)
        self.said.append((start, start + seconds))
        atlas = asyncio.create_task(
            self.stage.atlas_hears(f"{start}-{start + seconds}", start, start + seconds)
        )
        await self.scene.talk.be_quiet(pause)
        await atlas

    async def aclose(self) -> None:
        await self.scene.ear.aclose(5.0)
        await asyncio.sleep(1)
        await self.stage.turns.aclose()
        for task in self._work:
            task.cancel()

    async def _workflow(self) -> None:
        while True:
            await asyncio.sleep(_WORKFLOW)
            for kind, data in self.scene.facts[self._facts :]:
                self._facts += 1
                is_deaf = kind is DEGRADED and data["fallback"] is None
                self.stage.transcribes(self.stage.media_bot, deaf="true" if is_deaf else "")
                self.scene.atlas_tells = is_deaf

    async def _deliver(self) -> None:
        while True:
            await asyncio.sleep(0.01)
            for sentence in self.scene.sentences[self._sentences :]:
                self._sentences += 1
                self._tell(sentence)

    def _tell(self, sentence: Sentence) -> None:
        self._by_media_bot.append((round(sentence.start, 1), round(sentence.end, 1)))
        self.stage.media_bot_tells(sentence.start, sentence.end)


def _cut(text: str) -> tuple[str, str, str]:
    return text.partition("-")


@pytest.mark.parametrize("sentence", [1.0, 3.0, 6.0, 9.0])
@pytest.mark.parametrize("back_after", [4, 12, 41, 47, 55])
def test_what_was_said_while_nobody_heard_is_in_the_record_once(
    sentence: float, back_after: int
) -> None:
    async def played() -> None:
        call = Call()
        call.scene.recognisers.broken = set(Provider)
        call.scene.ear.listen("en-US")
        asyncio.get_running_loop().call_later(back_after, call.scene.recognisers.broken.clear)
        while len(call.said) * (sentence + 4) < 100:
            await call.speak(sentence, 4)
        await call.scene.talk.be_quiet(12)
        await call.aclose()
        assert [kind for kind, _ in call.scene.facts][-1] is RESTORED
        assert call.record == call.said, f"by Atlas: {call.by_atlas}"

    virtual_clock.run(played())


def test_a_fact_that_reached_nobody_leaves_what_was_said_to_media_bot() -> None:
    """Temporal is away as well: Atlas knows nothing of the deafness and keeps its turns."""

    async def played() -> None:
        scene = Scene()
        scene.recognisers.broken = set(Provider)
        scene.ear.listen("en-US")
        await scene.talk.be_quiet(10)
        await scene.talk.speak(2)
        await scene.talk.be_quiet(11)
        scene.recognisers.broken = set()
        await scene.talk.be_quiet(20)
        assert scene.said == [("10.0-12.0", "en-US")]
        await scene.ear.aclose(5.0)

    virtual_clock.run(played())

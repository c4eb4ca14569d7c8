"""What one human says, from microphone to sentence, while languages, holds and providers change."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from agents.media_bot.transcription.ear import Ear, Sentence
from agents.media_bot.transcription.passage import KEPT_SECONDS
from agents.media_bot.transcription.providers import Provider, providers_of
from agents.media_bot.transcription.route import RETURN_AFTER, Route, Standing
from contract.facts import FactKind
from tests.agents.media_bot.listening import Recognisers, Talk
from tests.agents.virtual_clock import run

DEGRADED, RESTORED = FactKind.TRANSCRIPTION_DEGRADED, FactKind.TRANSCRIPTION_RESTORED


class Scene:
    """A human, an ear, and recognisers; `said` is what was understood, with its language."""

    def __init__(self) -> None:
        self.recognisers = Recognisers()
        self.sentences: list[Sentence] = []
        self.facts: list[tuple[FactKind, dict[str, Any]]] = []
        self.used: defaultdict[Provider, float] = defaultdict(float)
        self.standing = Standing()
        self.atlas_tells = False
        self.ear = Ear(
            self._route,
            self.recognisers.open,
            on_sentence=self.sentences.append,
            on_used=self._use,
            is_told_by_atlas=lambda: self.atlas_tells,
        )
        self.talk = Talk(self.ear.hear)

    def _route(self, language: str) -> Route:
        return Route(
            providers_of(language, Provider.GROQ),
            participant="caller",
            who="the caller",
            tell=lambda kind, data: self.facts.append((kind, data)),
            clock=asyncio.get_running_loop().time,
            standing=self.standing,
        )

    def _use(self, provider: Provider, seconds: float) -> None:
        self.used[provider] += seconds

    @property
    def said(self) -> list[tuple[str, str]]:
        return [(sentence.text, sentence.language) for sentence in self.sentences]

    @property
    def told(self) -> list[tuple[FactKind, str | None]]:
        return [(kind, data.get("fallback")) for kind, data in self.facts]


def story(tell: Callable[[Scene], Coroutine[Any, Any, None]]) -> Scene:
    async def played() -> Scene:
        scene = Scene()
        await tell(scene)
        await scene.ear.aclose(5.0)
        assert all(session.is_closed for _, _, session in scene.recognisers.opened)
        return scene

    return run(played())


def test_nothing_is_heard_before_it_is_asked_for() -> None:
    async def played(scene: Scene) -> None:
        await scene.talk.speak(1)
        await scene.talk.be_quiet(1)

    scene = story(played)
    assert scene.said == []
    assert scene.recognisers.opened == []


def test_a_sentence_has_its_times_and_its_language() -> None:
    async def played(scene: Scene) -> None:
        scene.ear.listen("en-IN")
        await scene.talk.be_quiet(1)
        await scene.talk.speak(2)
        await scene.talk.be_quiet(1)

    scene = story(played)
    assert scene.said == [("1.0-3.0", "en-IN")]
    assert (scene.sentences[0].start, scene.sentences[0].end) == pytest.approx((1.0, 3.0))
    assert scene.recognisers.asked == [("deepgram", "en-IN")]
    assert scene.used[Provider.DEEPGRAM] == pytest.approx(4.0)


def test_a_new_language_waits_for_the_sentence_in_flight() -> None:
    async def played(scene: Scene) -> None:
        scene.ear.listen("ar-SA")
        await scene.talk.speak(1)
        scene.ear.listen("fr-FR")
        await scene.talk.speak(1)
        await scene.talk.be_quiet(0.4)
        await scene.talk.speak(1)
        await scene.talk.be_quiet(1)

    scene = story(played)
    assert scene.said == [("0.0-2.0", "ar-SA"), ("2.4-3.4", "fr-FR")]
    assert scene.recognisers.asked == [("elevenlabs", "ar-SA"), ("groq", "fr-FR")]


def test_a_new_language_waits_no_longer_than_three_seconds() -> None:
    async def played(scene: Scene) -> None:
        scene.ear.listen("en-US")
        await scene.talk.speak(1)
        scene.ear.listen("de-DE")
        await scene.talk.speak(4)
        await scene.talk.be_quiet(1)

    first, second = story(played).sentences
    assert (first.language, second.language) == ("en-US", "de-DE")
    assert first.end == pytest.approx(second.start)
    assert first.end == pytest.approx(4.0, abs=0.1)


def test_before_a_hold_is_understood_and_nothing_of_it() -> None:
    async def played(scene: Scene) -> None:
        scene.ear.listen("en-US")
        await scene.talk.speak(1)
        scene.ear.hold(True)
        await scene.talk.speak(3)
        scene.ear.hold(False)
        await scene.talk.be_quiet(0.5)
        await scene.talk.speak(1)
        await scene.talk.be_quiet(1)

    scene = story(played)
    assert scene.said == [("0.0-1.0", "en-US"), ("4.5-5.5", "en-US")]
    # Nobody is paid for the hold.
    assert scene.used[Provider.DEEPGRAM] == pytest.approx(3.5)


def test_the_last_words_of_who_leaves_are_understood() -> None:
    async def played(scene: Scene) -> None:
        scene.ear.listen("en-US")
        await scene.talk.speak(1)

    assert story(played).said == [("0.0-1.0", "en-US")]


def test_a_sentence_in_which_the_provider_fails_is_heard_whole_and_once() -> None:
    async def played(scene: Scene) -> None:
        scene.ear.listen("en-US")
        await scene.talk.speak(1)
        await scene.talk.be_quiet(1)
        await scene.talk.speak(1)
        scene.recognisers.broken = {Provider.DEEPGRAM}
        scene.recognisers.current.fail()
        await scene.talk.speak(2)
        await scene.talk.be_quiet(3)

    scene = story(played)
    assert scene.said == [("0.0-1.0", "en-US"), ("2.0-5.0", "en-US")]
    assert scene.told == [(DEGRADED, "groq")]
    assert scene.facts[0][1] == {
        "participant": "caller",
        "provider": "deepgram",
        "fallback": "groq",
        "detail": "Deepgram does not transcribe the caller any more, because it was told to. "
        "Groq does.",
    }


def test_a_line_that_breaks_once_is_no_news() -> None:
    async def played(scene: Scene) -> None:
        scene.ear.listen("en-US")
        for _ in range(5):
            await scene.talk.speak(1)
            scene.recognisers.current.fail()
            await scene.talk.speak(1)
            await scene.talk.be_quiet(1)

    scene = story(played)
    assert len(scene.said) == 5
    assert scene.facts == []


def test_the_first_provider_gets_another_chance_in_a_pause() -> None:
    async def played(scene: Scene) -> None:
        scene.recognisers.broken = {Provider.DEEPGRAM}
        scene.ear.listen("en-US")
        await scene.talk.speak(2)
        await scene.talk.be_quiet(2)
        scene.recognisers.broken = set()
        await scene.talk.be_quiet(RETURN_AFTER)
        await scene.talk.speak(2)
        await scene.talk.be_quiet(2)

    scene = story(played)
    assert [text for text, _ in scene.said] == ["0.0-2.0", "64.0-66.0"]
    assert scene.told == [(DEGRADED, "groq"), (RESTORED, None)]
    assert scene.facts[1][1]["detail"] == "Deepgram transcribes the caller again."


def test_another_chance_in_vain_costs_no_sentence_and_is_no_news() -> None:
    async def played(scene: Scene) -> None:
        scene.recognisers.broken = {Provider.DEEPGRAM}
        scene.ear.listen("en-US")
        for _ in range(35):
            await scene.talk.speak(2)
            await scene.talk.be_quiet(4)

    scene = story(played)
    assert len(scene.said) == 35
    assert scene.told == [(DEGRADED, "groq")]
    # Three tries, then one after a minute, and one after two more.
    assert [who for who, _ in scene.recognisers.asked].count("deepgram") == 5


def test_when_all_fail_it_is_told_and_tried_again_and_little_is_lost() -> None:
    async def played(scene: Scene) -> None:
        scene.recognisers.broken = set(Provider)
        scene.ear.listen("en-US")
        for _ in range(12):
            await scene.talk.speak(9)
            await scene.talk.be_quiet(1)
        scene.recognisers.broken = set()
        await scene.talk.be_quiet(35)
        await scene.talk.speak(1)
        await scene.talk.be_quiet(1)

    scene = story(played)
    assert scene.told == [(DEGRADED, "groq"), (DEGRADED, None), (RESTORED, None)]
    assert scene.said[-1] == ("155.0-156.0", "en-US")
    # Nobody else tells it, so it is understood as far back as it was kept.
    assert scene.sentences[0].start >= 120.0 - KEPT_SECONDS
    assert len(scene.recognisers.opened) < 25


def test_who_cannot_be_asked_at_all_is_not_asked_three_times() -> None:
    async def played(scene: Scene) -> None:
        scene.ear.listen("ar")
        await scene.talk.speak(1)
        scene.recognisers.current.fail("it answered with status 401", retryable=False)
        await scene.talk.be_quiet(2)

    scene = story(played)
    assert scene.recognisers.asked == [("elevenlabs", "ar"), ("groq", "ar")]
    assert scene.said == [("0.0-1.0", "ar")]


def test_a_new_language_whose_provider_is_well_ends_the_degradation() -> None:
    async def played(scene: Scene) -> None:
        scene.recognisers.broken = {Provider.DEEPGRAM}
        scene.ear.listen("en-US")
        await scene.talk.speak(2)
        await scene.talk.be_quiet(2)
        scene.ear.listen("de-DE")
        await scene.talk.be_quiet(1)
        await scene.talk.speak(2)
        await scene.talk.be_quiet(2)

    scene = story(played)
    assert [kind for kind, _ in scene.facts] == [DEGRADED, RESTORED]
    assert scene.facts[1][1]["provider"] == "groq"


def test_silence_is_not_kept_for_another_provider() -> None:
    async def played(scene: Scene) -> None:
        scene.ear.listen("en-US")
        await scene.talk.be_quiet(25)
        scene.recognisers.current.fail()
        await scene.talk.be_quiet(1)
        assert scene.recognisers.current.seconds < 8

    story(played)


def test_when_all_fail_another_language_is_tried_without_more_news_until_it_is_heard() -> None:
    async def played(scene: Scene) -> None:
        scene.recognisers.broken = {Provider.DEEPGRAM, Provider.GROQ}
        scene.ear.listen("en-US")
        await scene.talk.speak(2)
        await scene.talk.be_quiet(5)
        scene.recognisers.broken.add(Provider.ELEVENLABS)
        scene.ear.listen("ar")
        await scene.talk.be_quiet(5)
        scene.recognisers.broken = {Provider.ELEVENLABS}
        await scene.talk.speak(2)
        await scene.talk.be_quiet(35)

    scene = story(played)
    assert scene.said == [("12.0-14.0", "ar")]
    assert scene.told == [(DEGRADED, "groq"), (DEGRADED, None), (DEGRADED, "groq")]


@pytest.mark.parametrize("sounds", ["silent", "muted"])
def test_a_provider_that_hangs_up_on_who_says_nothing_has_not_failed(sounds: str) -> None:
    async def played(scene: Scene) -> None:
        scene.ear.listen("ar")
        await scene.talk.speak(1)
        await scene.talk.be_quiet(1)
        for _ in range(5):
            await (scene.talk.be_quiet(20) if sounds == "silent" else asyncio.sleep(20))
            scene.recognisers.current.fail("the line to it broke")
        await scene.talk.be_quiet(1)
        await scene.talk.speak(1)
        await scene.talk.be_quiet(1)

    scene = story(played)
    assert len(scene.said) == 2
    assert scene.facts == []
    assert scene.recognisers.asked == [("elevenlabs", "ar")] * 6


def test_a_provider_that_cannot_be_reached_has_failed_also_while_nobody_speaks() -> None:
    async def played(scene: Scene) -> None:
        scene.recognisers.broken = {Provider.DEEPGRAM}
        scene.ear.listen("en-US")
        await scene.talk.be_quiet(5)

    assert story(played).told == [(DEGRADED, "groq")]

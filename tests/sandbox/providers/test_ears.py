"""How well the ears hear: over a room, over the telephone, and what they refuse to hear."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import pytest

from sandbox.providers.ears import Ears, Phrase, plain
from sandbox.providers.mouth import ASSISTANT_VOICE, CALLER_VOICES, Samples, UnknownVoice, render
from tests.sandbox.providers.lines import g711, opus

pytestmark = pytest.mark.slow  # recognises 40 spoken sentences

LISTED = (
    "Hello, I would like to book a table.",
    "What are your opening hours?",
    "Do you have a vegetarian menu?",
    "Where are you located?",
    "Can I bring my dog?",
    "Is there parking nearby?",
    "How much is the tasting menu?",
    "Do you take credit cards?",
    "Goodbye.",
    "A table for four on Friday evening, please.",
    "I need to cancel my reservation.",
    "Can I speak to the manager?",
    "Do you deliver to my address?",
    "Is the terrace open today?",
    "What is the soup of the day?",
    "My name is Alice Baker.",
    "The phone number is five five five, one two three.",
    "Yes, that is right.",
    "No, thank you.",
    "Thank you very much for your help.",
)
UNLISTED = (
    "The weather is lovely this morning.",
    "I lost my keys in the train station.",
    "Please turn off the lights.",
    "How do I get to the airport?",
    "My computer does not start anymore.",
    "Tell me a story about dragons.",
    "What time is the football match?",
    "I want to buy a new bicycle.",
    "She sells sea shells by the sea shore.",
    "The invoice was sent last Tuesday.",
    "Could you repeat that slower?",
    "Seven eight nine ten.",
    "Maybe tomorrow.",
    "I do not know what to say.",
    "The quick brown fox jumps over the lazy dog.",
    "Never mind, forget it.",
    "Who won the election?",
    "My flight was delayed by three hours.",
    "Do you have a vacancy for tonight?",  # nearly "Do you have a vegetarian menu?"
    "Is there a pharmacy nearby?",  # nearly "Is there parking nearby?"
)
RATE = 22_050


@pytest.fixture(scope="module")
def ears() -> Ears:
    ears = Ears()
    ears.learn(Phrase(text) for text in LISTED)
    return ears


def over_room(samples: Samples, out_rate: int) -> tuple[Samples, int]:
    return opus(samples, RATE, out_rate), out_rate


def over_telephone(samples: Samples, _out_rate: int) -> tuple[Samples, int]:
    return g711(samples, RATE), 8_000


LINES = [
    pytest.param(over_room, 16_000, 19, id="opus-16k"),
    pytest.param(over_room, 24_000, 19, id="opus-24k"),
    pytest.param(over_room, 48_000, 19, id="opus-48k"),
    pytest.param(over_telephone, 8_000, 17, id="g711"),
]
Line = Callable[[Samples, int], tuple[Samples, int]]


@pytest.mark.parametrize(("line", "out_rate", "least"), LINES)
@pytest.mark.parametrize("voice", CALLER_VOICES)
def test_listed_phrases_are_understood(
    ears: Ears, line: Line, out_rate: int, least: int, voice: str
) -> None:
    heard = [ears.recognise(*line(render(text, voice, RATE), out_rate)) for text in LISTED]
    right = sum(
        h is not None and h.phrase.text == text for h, text in zip(heard, LISTED, strict=True)
    )
    wrong = sum(h is not None for h in heard) - right
    assert (right >= least, wrong) == (True, 0), f"{right} right, {wrong} wrong of {len(LISTED)}"


@pytest.mark.parametrize(("line", "out_rate", "_least"), [LINES[0], LINES[3]])
@pytest.mark.parametrize("voice", CALLER_VOICES)
def test_unlisted_speech_gives_no_text(
    ears: Ears, line: Line, out_rate: int, _least: int, voice: str
) -> None:
    heard = [ears.recognise(*line(render(text, voice, RATE), out_rate)) for text in UNLISTED]
    assert [h.phrase.text for h in heard if h] == []


@pytest.mark.parametrize("seconds", [0.2, 0.6, 1.4, 3.0])
def test_noise_and_music_and_silence_give_no_text(ears: Ears, seconds: float) -> None:
    count = int(16_000 * seconds)
    at = np.arange(count) / 16_000
    noise = np.random.default_rng(7).normal(size=count) * 5_000
    chord = sum(np.sin(2 * np.pi * note * at) for note in (262, 330, 392, 523))
    melody = np.sin(2 * np.pi * np.cumsum(220 * 2 ** (np.floor(at * 5) % 8 / 12)) / 16_000)
    pulses = 0.6 + 0.4 * np.sign(np.sin(2 * np.pi * 4 * at))
    for clip in (noise, noise * pulses, 4_000 * chord * pulses, 12_000 * melody * pulses, 0 * at):
        assert ears.recognise(clip.astype(np.int16), 16_000) is None


def test_half_a_phrase_is_not_the_phrase(ears: Ears) -> None:
    clip = render(LISTED[0], CALLER_VOICES[0], 16_000)
    assert ears.recognise(clip[: clip.size * 7 // 10], 16_000) is None


def test_a_quiet_voice_is_understood_as_a_loud_one(ears: Ears) -> None:
    clip = (render(LISTED[1], CALLER_VOICES[0], 16_000) * 0.1).astype(np.int16)
    heard = ears.recognise(clip, 16_000)
    assert heard is not None
    assert heard.phrase.text == LISTED[1]


def test_other_languages_are_heard_when_asked_for() -> None:
    ears = Ears()
    phrases = [
        Phrase("¿A qué hora abren ustedes?", "es-ES"),
        Phrase("क्या आपके पास मेज़ है?", "hi-IN"),
        Phrase("Wo finde ich Sie?", "de"),
        Phrase("你们几点开门？", "zh-CN"),
    ]
    ears.learn(phrases)
    voices = ("es+f2", "hi+m3", "de+f2", "cmn+f2")
    for phrase, voice in zip(phrases, voices, strict=True):
        clip = opus(render(phrase.text, voice, RATE), RATE, 16_000)
        for language in (phrase.language, "multi", ""):
            heard = ears.recognise(clip, 16_000, language)
            assert heard is not None
            assert heard.phrase == phrase
        assert ears.recognise(clip, 16_000, "en-US") is None


def test_ears_can_be_given_the_assistants_voice() -> None:
    ears = Ears(voices=[ASSISTANT_VOICE])
    ears.learn([Phrase("Dogs are welcome on the terrace."), Phrase("We accept every card.")])
    clip = opus(render("We accept every card.", ASSISTANT_VOICE, RATE), RATE, 16_000)
    heard = ears.recognise(clip, 16_000)
    assert heard is not None
    assert heard.phrase.text == "We accept every card."


def test_a_phrase_that_another_begins_with_says_so() -> None:
    ears = Ears()
    ears.learn([Phrase("Yes."), Phrase("Yes, that is right.")])
    for text, unfinished in (("Yes.", True), ("Yes, that is right.", False)):
        heard = ears.recognise(render(text, CALLER_VOICES[0], 16_000), 16_000)
        assert heard is not None
        assert (heard.phrase.text, heard.unfinished) == (text, unfinished)


def test_an_unknown_language_is_refused_and_nothing_learnt() -> None:
    ears = Ears()
    with pytest.raises(UnknownVoice, match="qq"):
        ears.learn([Phrase("Hello."), Phrase("Hello.", "qq-QQ")])
    assert ears.phrases == []


def test_recognition_among_twenty_phrases_is_quick(ears: Ears) -> None:
    clip = render(LISTED[9], CALLER_VOICES[1], 16_000)
    ears.recognise(clip, 16_000)
    took = []
    for _ in range(5):
        started = time.thread_time()
        ears.recognise(clip, 16_000)
        took.append(time.thread_time() - started)
    assert min(took) <= 0.06


def test_sentences_are_compared_by_their_words_in_any_script() -> None:
    assert plain("  Hello -- WORLD! ") == plain("hello, world")
    assert plain("नमस्ते।") == "नमस्ते"

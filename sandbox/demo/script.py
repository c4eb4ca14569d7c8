"""What the demo's caller says, and what the scenario file has the assistant answer."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.providers.scenario import DEMO, Scenario, load

QUESTIONS = (
    "What are your opening hours?",
    "Do you have a vegetarian menu?",
    "Where are you located?",
)
GOODBYE = "Thank you, goodbye."
# The worker dies after this many answers: the next question is asked and answered without it.
ANSWERS_BEFORE_THE_KILL = 1

# Of the phone call: a mobile number of the sandbox's carrier whose phone only does what it is told.
PHONE_NUMBER = "+919876500100"
PHONE_QUESTIONS = ("What are your opening hours?", "Where are you located?")
DIGIT = "5"


@dataclass(frozen=True, slots=True)
class Line:
    speaker: str  # "caller" or "assistant", as in the transcript
    text: str


def expected_dialogue(opening: str, questions: tuple[str, ...] = QUESTIONS) -> list[Line]:
    """Every line that the transcript must have, in order."""
    scenario = load(DEMO)
    lines = [Line("assistant", opening)]
    for question in questions:
        lines += [Line("caller", question), Line("assistant", _answer(scenario, question))]
    return [*lines, Line("caller", GOODBYE)]


def _answer(scenario: Scenario, question: str) -> str:
    return next(one.say for one in scenario.exchanges if question in one.heard)

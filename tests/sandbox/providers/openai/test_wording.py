"""Which words the instructions of a response want said."""

from __future__ import annotations

import pytest

from sandbox.providers.openai.wording import to_say


@pytest.mark.parametrize(
    ("instructions", "words"),
    [
        ('Say exactly: "Hello."', "Hello."),
        ('say exactly "Hello."', "Hello."),
        ("Say exactly: Hello there.", "Hello there."),
        (
            'Please SAY EXACTLY the following: "Are you still there?" Nothing else.',
            "Are you still there?",
        ),
        ('Say exactly: "She said "no" to me."', 'She said "no" to me.'),
        ("Say exactly: “Grüß Gott.”", "Grüß Gott."),
        ('Say exactly: "Two\n  lines."', "Two lines."),
        ("Say exactly this to the caller and nothing else: Hello: it is me.", "Hello: it is me."),
        ('Say exactly this: She said "no" to me.', 'She said "no" to me.'),
        ('Say exactly "It is noon: come in."', "It is noon: come in."),
        ("Greet the caller.", None),
        ("Say exactly:", None),
        ('Say exactly: ""', None),
    ],
)
def test_what_is_to_be_said(instructions: str, words: str | None) -> None:
    assert to_say(instructions, "") == words


def test_the_sessions_own_instructions_are_no_order() -> None:
    session = 'You are "the desk". Never say exactly "no".'
    assert to_say(f'{session}\nSay exactly: "Yes."', session) == "Yes."
    assert to_say(f"{session}\nGreet the caller.", session) is None
    assert to_say(session, session) is None

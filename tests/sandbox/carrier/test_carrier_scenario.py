"""What the phone does by number: the file's rules, and what is said about mistakes in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridge.legs import HoldKind
from sandbox.carrier.scenario import NUMBERS, BadScenario, Behaviour, load, parse


def test_the_longest_ending_that_fits_is_taken() -> None:
    scenario = parse(
        'name: two\nnumbers: {"00": {ring: 1}, "100": {ring: 2}}\nothers: {answers: false}'
    )
    assert scenario.of("+911234100") == ("100", Behaviour(ring=2))
    assert scenario.of("+911234200") == ("00", Behaviour(ring=1))
    assert scenario.of("+911234567") == ("567", Behaviour(refuse=567))
    assert scenario.of("+911234321") == ("", Behaviour(answers=False))
    assert scenario.of("anna") == ("", Behaviour(answers=False))


def test_our_numbers_cover_what_a_phone_can_do() -> None:
    scenario = load(NUMBERS)
    steps = [step for each in scenario.numbers.values() for step in each.steps]
    held = {step.hold for step in steps if step.hold}
    assert held == set(HoldKind) - {HoldKind.DELAYED}
    for doing in ("say", "tone", "listen", "silence", "resume", "dtmf", "transfer", "hang_up"):
        assert any(getattr(step, doing) is not None for step in steps), doing
    assert {each.refuse for each in scenario.numbers.values()} >= {None, 486, 603, 404, 480, 503}
    assert any(not each.answers for each in scenario.numbers.values())


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("numbers: {}", "name: Field required."),
        (
            "name: x\nnumbers: {100: {}}",
            'numbers: 100 is not written as digits in quotes ("0142").',
        ),
        ('name: x\nnumbers: {"a": {}}', "numbers: 'a' is not written as digits in quotes"),
        ('name: x\nnumbers: {"1": {rings: 1}}', "numbers.1.rings: Extra inputs are not permitted."),
        (
            'name: x\nnumbers: {"1": {steps: [jump]}}',
            "numbers.1.steps.0: Input should be a valid dictionary or instance of Step.",
        ),
        (
            'name: x\nnumbers: {"1": {steps: [{say: hello, dtmf: "1"}]}}',
            "numbers.1.steps.0: a step is exactly one of say, tone, listen, silence, hear, hold, ",
        ),
        ('name: x\nnumbers: {"1": {steps: [{hold: firmly}]}}', "numbers.1.steps.0.hold: "),
        (
            'name: x\nnumbers: {"1": {steps: [{transfer: "tel:+1"}]}}',
            "numbers.1.steps.0.transfer: ",
        ),
        ('name: x\nnumbers: {"1": {steps: [{dtmf: "1x"}]}}', "numbers.1.steps.0.dtmf: "),
        (
            'name: x\nnumbers: {"1": {refuse: 486, steps: [resume]}}',
            "numbers.1: a call that is not answered has no steps.",
        ),
        ('name: x\nnumbers: {"1": {refuse: 200}}', "numbers.1.refuse: "),
        ("name: [", "while parsing"),
        ("- 1", "the scenario: "),
    ],
)
def test_a_mistake_is_one_sentence_with_its_place(text: str, sentence: str) -> None:
    with pytest.raises(BadScenario) as wrong:
        parse(text)
    assert str(wrong.value).startswith(sentence)
    assert "\n" not in str(wrong.value)


def test_a_file_that_is_none_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        BadScenario, match=r"CARRIER_SCENARIO .*nowhere.yaml cannot be used: No such"
    ):
        load(tmp_path / "nowhere.yaml")
    (tmp_path / "bytes.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadScenario, match="it is no UTF-8 text"):
        load(tmp_path / "bytes.yaml")

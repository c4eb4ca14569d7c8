"""Scenario files, and the phrases that the ears are taught while they run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import aiohttp
import pytest

from sandbox.providers.ears import plain
from sandbox.providers.scenario import DEMO, BadScenario, load

GOOD = "{name: a, opening: Hi., default: Pardon., unprompted: More., exchanges: [%s]}"


def test_the_demo_has_a_different_answer_for_each_sentence() -> None:
    demo = load(DEMO)
    heard = [plain(text) for exchange in demo.exchanges for text in exchange.heard]
    assert len(heard) == len(set(heard)) >= 10
    answers = [exchange.say for exchange in demo.exchanges]
    assert len(answers) == len(set(answers))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "valid dictionary"),
        ("- 1", "valid dictionary"),
        ("{", "expected"),
        ("\x00", "special characters"),
        (GOOD % "", "exchanges"),
        (GOOD % "{heard: [], say: x}", "exchanges.0.heard"),
        (GOOD % "{heard: [a]}", "needs `say`"),
        (GOOD % "{heard: [a], say: x, sing: y}", "exchanges.0.sing"),
    ],
)
def test_a_mistake_in_a_scenario_is_one_sentence(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(BadScenario, match="SCENARIO_FILE") as bad:
        load(path)
    assert reason in str(bad.value)
    assert "\n" not in str(bad.value)


async def test_phrases_are_added_listed_and_taken_away(http: aiohttp.ClientSession) -> None:
    before = (await (await http.get("/phrases")).json())["phrases"]
    added = [{"text": "¿A qué hora abren?", "language": "es-ES"}, {"text": "What a day."}]
    answer = await http.post("/phrases", json={"phrases": added})
    listed = (await answer.json())["phrases"]
    assert [p for p in listed if p["added"]] == [
        {"text": "¿A qué hora abren?", "language": "es-ES", "added": True},
        {"text": "What a day.", "language": "en-US", "added": True},
    ]
    assert (await (await http.delete("/phrases")).json())["phrases"] == before


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        {},
        {"phrases": "x"},
        {"phrases": [{"text": ""}]},
        {"phrases": [{"text": "..."}]},
        {"phrases": [{"text": "Hello.", "language": "qq-QQ"}]},
        {"phrases": [{"text": "Hello.", "language": "../x"}]},
    ],
)
async def test_malformed_phrases_are_a_422(http: aiohttp.ClientSession, body: Any) -> None:
    answer = await http.post("/phrases", json=body)
    assert answer.status == 422
    assert (await answer.json())["error"]
    assert not any(p["added"] for p in (await (await http.get("/phrases")).json())["phrases"])

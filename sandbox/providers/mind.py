"""The scripted mind: which answer follows from a conversation. Pure, no I/O.

Conversations and tools are as chat completions have them (OpenAI's `messages` and `tools`).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sandbox.providers.ears import plain
from sandbox.providers.scenario import Exchange, Scenario, ToolUse


@dataclass(frozen=True, slots=True)
class Says:
    text: str


@dataclass(frozen=True, slots=True)
class Calls:
    name: str
    arguments: dict[str, Any]


Message = dict[str, Any]


class Mind:
    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self._exchanges = {
            plain(heard): exchange for exchange in scenario.exchanges for heard in exchange.heard
        }

    def answer(self, messages: Sequence[Message], offered: set[str]) -> Says | Calls:
        """What the assistant does next. `offered`: the names of the tools it may call."""
        spoken = [m for m in messages if m.get("role") not in ("system", "developer")]
        if spoken and spoken[-1].get("role") == "tool":
            return Says(self._after_tool(spoken))
        if not spoken or spoken[-1].get("role") != "user":
            heard_anything = any(m.get("role") == "user" for m in spoken)
            return Says(self.scenario.unprompted if heard_anything else self.scenario.opening)
        text = plain(words(spoken[-1].get("content")))
        if not text:  # some clients send "." so that the list does not end with the system
            return Says(self.scenario.opening)
        exchange = self._known(text)
        if exchange is None:
            return Says(self.scenario.default)
        if exchange.call and exchange.call.name in offered:
            return Calls(exchange.call.name, exchange.call.arguments)
        return Says(exchange.say)

    def _known(self, text: str) -> Exchange | None:
        """The exchange for this text, or for the listed sentence that ends latest within it."""
        if text in self._exchanges:
            return self._exchanges[text]
        padded = f" {text} "
        ends = {
            padded.rfind(f" {heard} ") + len(heard): exchange
            for heard, exchange in self._exchanges.items()
            if f" {heard} " in padded
        }
        return ends[max(ends)] if ends else None

    def _after_tool(self, spoken: Sequence[Message]) -> str:
        name = _called(spoken)
        use = self.tool(name) if name else None
        if use is None:
            return self.scenario.unprompted
        result = words(spoken[-1].get("content"))
        try:
            parsed = json.loads(result)
        except ValueError:
            parsed = None
        fields = parsed if isinstance(parsed, dict) else {}
        if fields.get("error") or result.casefold().startswith("error"):
            return use.after_failure
        try:
            return use.after.format_map({"result": result, **fields})
        except (KeyError, ValueError, IndexError, AttributeError):
            return use.after_failure

    def tool(self, name: str) -> ToolUse | None:
        """How the scenario uses a tool."""
        calls = (exchange.call for exchange in self.scenario.exchanges)
        return next((call for call in calls if call and call.name == name), None)


def words(content: object) -> str:
    """The text of a message's content: a string, or parts of which some are text."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return " ".join(str(p["text"]) for p in content if isinstance(p, dict) and "text" in p)
    return ""


def _called(spoken: Sequence[Message]) -> str | None:
    """The name of the tool whose result is the last message."""
    wanted = spoken[-1].get("tool_call_id")
    for message in reversed(spoken):
        for call in message.get("tool_calls") or []:
            if call.get("id") == wanted:
                name = call.get("function", {}).get("name")
                return str(name) if name else None
    return None

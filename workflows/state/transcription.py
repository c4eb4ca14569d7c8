"""What is heard of the humans: in which language, and whether anybody hears them at all."""

from __future__ import annotations

from typing import Any

from contract.facts import Fact, FactKind
from contract.identity import AgentRole
from workflows.state.agents import Agents
from workflows.state.core import CallCore

_CALLER = "caller"  # as turns call the call's human, whatever the identity
_LONGEST_SENTENCE = 300
_SHOWN = ("provider", "fallback", "turns", "compound")


class Transcription:
    def __init__(self, core: CallCore, agents: Agents) -> None:
        self._core = core
        self._post = agents.posts[AgentRole.MEDIA_BOT]
        self._changed_to = ""
        self.changes = 0  # of the language
        self._deaf_generation = 0

    @property
    def language(self) -> str:
        return self._changed_to or self._core.request.language or ""

    def change(self, language: str) -> None:
        self._changed_to = language
        self.changes += 1

    @property
    def is_deaf(self) -> bool:
        """No provider hears the call's human for this Media Bot, which goes on trying."""
        return self._deaf_generation == self._post.generation

    def told(self, fact: Fact) -> None:
        data = fact.data
        who = str(data.get("participant", ""))
        is_human = who in (self._core.request.human_identity, _CALLER)
        if is_human and fact.kind is not FactKind.NEGATIVE_RUN:
            self._hears(fact)
        speaker = _CALLER if is_human else _further_human(who)
        shown: dict[str, Any] = {name: data[name] for name in _SHOWN if name in data}
        text = str(data.get("detail", ""))[:_LONGEST_SENTENCE]
        # A provider may come and go.
        self._core.note(fact, "platform", text, is_flood=True, speaker=speaker, **shown)

    def _hears(self, fact: Fact) -> None:
        if fact.generation != self._post.generation:
            return  # its successor hears for itself
        is_over = fact.kind is FactKind.TRANSCRIPTION_DEGRADED and not fact.data.get("fallback")
        self._deaf_generation = fact.generation if is_over else 0


def _further_human(identity: str) -> str:
    """As turns call them: any other identity may be a phone number."""
    return identity if identity.startswith("human-") else "human"

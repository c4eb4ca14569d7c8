"""What Media Bot has said of what it was told to play."""

from __future__ import annotations

from contract.facts import Fact, FactKind
from workflows.state.core import CallCore


class MediaFacts:
    """By `media.command_id`."""

    def __init__(self, core: CallCore) -> None:
        self._core = core
        self.failed: set[str] = set()
        self.ended: set[str] = set()

    def told(self, fact: Fact) -> None:
        command_id = str(fact.data.get("command_id", ""))
        if fact.kind is FactKind.PLAYBACK_FAILED:
            self.failed.add(command_id)
        elif fact.kind is FactKind.PLAYBACK_ENDED:
            self.ended.add(command_id)
        self._core.note(fact, "platform", str(fact.data.get("detail", "")), is_flood=True)

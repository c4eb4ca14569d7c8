"""Who holds a call (design section 6): it is held while anybody does.

Two write the attribute `call.hold`: the bridge for `remote`, the workflow for all other holders.
Each answers for its own holders only. Who sees the attribute say something else of its own writes
it again, with a higher seq: so both come to the same value, in whatever order they wrote.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Holder(StrEnum):
    REMOTE = "remote"  # the far side pressed hold
    OPERATOR = "operator"  # POST /calls/{id}/hold
    ASSISTANT = "assistant"  # Atlas' tool


@dataclass(frozen=True, slots=True)
class HoldState:
    """Value of `call.hold`, and of the topics `call_hold` and `call_resume`."""

    seq: int = 0
    holders: frozenset[Holder] = frozenset()

    @property
    def is_held(self) -> bool:
        return bool(self.holders)

    def with_holder(self, holder: Holder, holds: bool) -> HoldState:
        """The next state, in which `holder` holds or does not."""
        holders = self.holders | {holder} if holds else self.holders - {holder}
        return HoldState(self.seq + 1, holders)

    def to_json(self) -> str:
        return json.dumps({"seq": self.seq, "holders": sorted(self.holders)})

    @classmethod
    def parse(cls, text: str) -> HoldState | None:
        """None for what is not a hold state, and for none at all."""
        try:
            raw = json.loads(text) if text else None
        except ValueError:
            return None
        if not isinstance(raw, dict) or not isinstance(raw.get("holders"), list):
            return None
        seq = raw.get("seq")
        if not isinstance(seq, int) or isinstance(seq, bool) or seq < 0:
            return None
        return cls(seq, holders_named(raw["holders"]))


def holders_named(names: Iterable[object]) -> frozenset[Holder]:
    """Unknown ones are left out."""
    return frozenset(holder for holder in Holder if holder.value in set(map(str, names)))

"""What went over the wire, as SIPp saw it."""

from __future__ import annotations

import re
from dataclasses import dataclass

_HEAD = re.compile(
    r"^-{20,} (?P<at>[\d-]+[ T\t][\d:.]+).*\n(?:UDP|TCP|TLS) message (?P<way>sent|received).*\n\n",
    re.MULTILINE,
)


@dataclass(frozen=True)
class Message:
    sent: bool
    """By SIPp; else by the bridge."""
    at: float
    """Seconds of the day."""
    text: str

    @property
    def start(self) -> str:
        return self.text.split("\n", 1)[0].strip()

    def header(self, name: str) -> str:
        """The first one of this name; AssertionError without one."""
        found = re.search(rf"^{name}\s*:\s*(.*?)\s*$", self.text, re.MULTILINE | re.IGNORECASE)
        assert found, f"no {name} in:\n{self.text}"
        return found[1]

    @property
    def sdp_version(self) -> tuple[str, int]:
        """Session id and version of the o= line."""
        found = re.search(r"^o=\S+ (\S+) (\d+) ", self.text, re.MULTILINE)
        assert found, f"no o= line in:\n{self.text}"
        return found[1], int(found[2])


class Trace(list[Message]):
    @classmethod
    def parse(cls, text: str) -> Trace:
        heads = list(_HEAD.finditer(text))
        ends = [head.start() for head in heads[1:]] + [len(text)]
        return cls(
            Message(head["way"] == "sent", _seconds(head["at"]), text[head.end() : end].strip())
            for head, end in zip(heads, ends, strict=True)
        )

    def received(self, start: str) -> list[Message]:
        """The bridge's messages whose first line begins like this: `BYE `, `SIP/2.0 200`."""
        return [each for each in self if not each.sent and each.start.startswith(start)]

    def one(self, start: str) -> Message:
        found = self.received(start)
        assert len(found) == 1, f"{len(found)} times {start!r}, not once"
        return found[0]


def _seconds(stamp: str) -> float:
    hours, minutes, seconds = re.split(r"[ T\t]", stamp)[-1].split(":")
    return int(hours) * 3600 + int(minutes) * 60 + float(seconds)

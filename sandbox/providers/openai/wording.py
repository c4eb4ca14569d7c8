"""What a client's instructions want said word for word.

Convention: `Say exactly: "…"`, or `Say exactly this to the caller and nothing else: …`. After the
colon come the words: between a double quote and the last one, or else all that follows.
"""

from __future__ import annotations

import re

_SAY_EXACTLY = re.compile(r"\bsay exactly\b(?:[^:\n\"“”]*:)?\s*", re.IGNORECASE)
_QUOTED = re.compile(r'["“”](.*)["“”]', re.DOTALL)


def to_say(instructions: str, of_the_session: str) -> str | None:
    """The text to speak, if the instructions of a response say so.

    Clients put the session's instructions in front of a response's, as these replace those.
    """
    own = instructions.removeprefix(of_the_session) if of_the_session else instructions
    found = _SAY_EXACTLY.search(own)
    if found is None:
        return None
    rest = own[found.end() :]
    quoted = _QUOTED.match(rest)
    text = " ".join((quoted[1] if quoted else rest).split())
    return text or None

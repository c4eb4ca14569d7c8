"""What a client's instructions want said word for word.

Convention: `Say exactly: "…"`. The words are those between the first double quote after it and the
last one, or all that follow where there is none.
"""

from __future__ import annotations

import re

_SAY_EXACTLY = re.compile(r"\bsay exactly\b\s*:?\s*", re.IGNORECASE)
_QUOTED = re.compile(r'["“”](.*)["“”]', re.DOTALL)


def to_say(instructions: str, of_the_session: str) -> str | None:
    """The text to speak, if the instructions of a response say so.

    Clients put the session's instructions in front of a response's, as these replace those.
    """
    own = instructions.removeprefix(of_the_session) if of_the_session else instructions
    found = list(_SAY_EXACTLY.finditer(own))
    if not found:
        return None
    rest = own[found[0].end() :].strip()
    quoted = _QUOTED.search(rest)
    text = " ".join((quoted[1] if quoted else rest).split())
    return text or None

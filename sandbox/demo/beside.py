"""Two texts beside one another, or below where there is no room for that."""

from __future__ import annotations

from itertools import zip_longest

_GAP = "   "


def beside(left: list[str], right: list[str], width: int) -> list[str]:
    """Lines of at most `width` characters, unless one of the texts alone is wider."""
    broad = max(map(len, left), default=0)
    if broad + len(_GAP) + max(map(len, right), default=0) > width:
        return [*left, "", *right]
    pairs = zip_longest(left, right, fillvalue="")
    return [f"{one:<{broad}}{_GAP}{other}".rstrip() for one, other in pairs]

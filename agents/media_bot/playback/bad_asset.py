from __future__ import annotations


class BadAsset(Exception):
    """An asset that cannot be played. `str` says why in words that follow "because"; nothing in
    them was written by others."""

    def __init__(self, words: str, *, passing: bool = False) -> None:
        """`passing`: its host may do better next time."""
        super().__init__(words)
        self.passing = passing

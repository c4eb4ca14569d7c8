"""Names in the environment that are no setting and look like one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import SequenceMatcher

from pydantic_settings import BaseSettings

from engine.secret_files import is_secret, names_of

_ALIKE = 0.9  # LIVEKIT_API_SECERT; not API_HOST for API_PORT, nor S3_BUCKET for S3_BUCKETS_ROOT
_SHORTEST = 6


def known_names(kind: type[BaseSettings]) -> set[str]:
    known: set[str] = set()
    for name, field in kind.model_fields.items():
        names = names_of(name, field)
        known.update(names)
        if is_secret(field):
            known.update(f"{each}_FILE" for each in names)
    return known


def misspelt(kind: type[BaseSettings], environment: Mapping[str, str]) -> dict[str, str]:
    """{name as given: the setting that may be meant}."""
    known = known_names(kind)
    unknown = {name.upper() for name in environment} - known
    found = {name: _nearest(name, known) for name in sorted(unknown) if len(name) >= _SHORTEST}
    return {given: meant for given, meant in found.items() if meant is not None}


def _nearest(name: str, known: Iterable[str]) -> str | None:
    similar = [
        (SequenceMatcher(None, name, each).ratio(), each)
        for each in known
        if abs(len(each) - len(name)) <= 2
    ]
    best = max(similar, default=(0.0, ""))
    return best[1] if best[0] >= _ALIKE else None

"""Looking for a text in raw bytes, in the forms in which programs write text down."""

from __future__ import annotations

import base64
import json
import shutil
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from urllib.parse import quote


def forms(text: str) -> Iterator[bytes]:
    """The text itself, and what remains of it in UTF-16, JSON, URLs, base64 and hexadecimal."""
    raw = text.encode()
    yield from (raw, text.encode("utf-16-le"), text.encode("utf-16-be"))
    yield json.dumps(text)[1:-1].encode()
    yield quote(text).encode()
    yield from (raw.hex().encode(), raw.hex().upper().encode())
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        for shift in range(3):
            # What stands before it in the same base64 moves it by 0 to 2 bytes; the characters
            # that it shares with its neighbours are left out.
            coded = encode(b"\0" * shift + raw)
            yield coded[4 if shift else 0 : len(raw) // 3 * 4 - 4]


def found_in(places: Mapping[str, bytes], wanted: Mapping[str, str]) -> set[tuple[str, str]]:
    """(name of the text, place) for each text that can be read somewhere."""
    return {
        (name, place)
        for name, text in wanted.items()
        for form in set(forms(text))
        for place, content in places.items()
        if form in content
    }


def sqlite_contents(database: Path, copies: Path) -> dict[str, bytes]:
    """The file, its journal, and what a checkpoint makes of both; the original is left alone."""
    copies.mkdir(parents=True, exist_ok=True)
    contents = {}
    for file in sorted(database.parent.glob(f"{database.name}*")):
        shutil.copyfile(file, copies / file.name)
        contents[file.name] = (copies / file.name).read_bytes()
    with sqlite3.connect(copies / database.name) as copy:
        copy.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    contents[f"{database.name} after a checkpoint"] = (copies / database.name).read_bytes()
    return contents


def lines_about(places: Mapping[str, bytes], found: Iterable[tuple[str, str]]) -> str:
    """For the message of a failed test."""
    return "\n".join(
        f"{name} can be read in {place} ({len(places[place])} bytes)"
        for name, place in sorted(found)
    )

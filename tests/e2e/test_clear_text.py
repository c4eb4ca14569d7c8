"""A search that finds nothing is worth something only if it would find it."""

from __future__ import annotations

import base64
import json
import sqlite3
from pathlib import Path

import pytest

from tests.e2e.clear_text import found_in, sqlite_contents

TEXT = "Zanzibar canary, +49 151 2345"


@pytest.mark.parametrize(
    "content",
    [
        f"before {TEXT} after".encode(),
        TEXT.encode("utf-16-le"),
        TEXT.encode("utf-16-be"),
        json.dumps({"reason": TEXT}).encode(),
        TEXT.encode().hex().encode(),
        *(base64.b64encode(b"x" * shift + TEXT.encode() + b"yy") for shift in range(6)),
        *(base64.urlsafe_b64encode(b"x" * shift + TEXT.encode() + b"y") for shift in range(3)),
    ],
)
def test_the_text_is_found_in_every_form(content: bytes) -> None:
    assert found_in({"here": content}, {"canary": TEXT}) == {("canary", "here")}


def test_another_text_is_not() -> None:
    assert not found_in({"here": b"Zanzibar" * 10}, {"canary": TEXT})


def test_what_only_the_journal_has_is_found(tmp_path: Path) -> None:
    database = sqlite3.connect(tmp_path / "x.db")
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("CREATE TABLE t (v)")
    database.commit()
    database.execute("INSERT INTO t VALUES (?)", (TEXT,))
    database.commit()
    contents = sqlite_contents(tmp_path / "x.db", tmp_path / "copies")
    places = {place for _, place in found_in(contents, {"canary": TEXT})}
    assert places == {"x.db-wal", "x.db after a checkpoint"}
    database.close()

"""How large the embedded stack's databases are."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

STORE, TEMPORAL = "switchboard.db", "temporal.db"


def size(file: Path) -> int:
    """Bytes in use, with what is still in the write-ahead log and without free pages."""
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as database:
        page, pages, free = (
            database.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("page_size", "page_count", "freelist_count")
        )
    return int(page * (pages - free))

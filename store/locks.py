"""How a row is held by who changes it (PostgreSQL; SQLite has one writer anyway)."""

from __future__ import annotations

from sqlalchemy.sql.selectable import ForUpdateParameter

# FOR NO KEY UPDATE. Without a lock a row that is deleted meanwhile ends in StaleDataError. With
# FOR UPDATE who changes a number and who deletes its assistant wait for each other: the check of
# the foreign key takes a key share of the number while it holds the assistant.
CHANGE_LOCK: ForUpdateParameter = {"key_share": True}

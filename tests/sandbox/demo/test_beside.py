"""Ladder and timeline on terminals of every width."""

from __future__ import annotations

from sandbox.demo.beside import beside

LADDER = ["us ──▶ INVITE", "us ◀── 200 OK"]
TOLD = ["12:00 it rings", "12:01 answered", "12:02 ended"]


def test_beside_one_another_where_there_is_room() -> None:
    assert beside(LADDER, TOLD, 40) == [
        "us ──▶ INVITE   12:00 it rings",
        "us ◀── 200 OK   12:01 answered",
        "                12:02 ended",
    ]


def test_below_one_another_where_there_is_none() -> None:
    assert beside(LADDER, TOLD, 29) == [*LADDER, "", *TOLD]


def test_a_text_may_be_missing() -> None:
    assert beside([], TOLD, 80) == [f"   {line}" for line in TOLD]

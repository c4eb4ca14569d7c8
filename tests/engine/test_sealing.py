from __future__ import annotations

import base64

import pytest

from engine.sealing import Sealing

OLD, NEW = {"old": b"o" * 32}, {"new": b"n" * 32}


def test_what_was_sealed_opens_at_its_place_only() -> None:
    sealing = Sealing(NEW)
    sealed = sealing.seal("correct horse", "trunk/a")
    assert sealing.open(sealed, "trunk/a") == "correct horse"
    assert "correct" not in sealed
    assert sealing.seal("correct horse", "trunk/a") != sealed
    with pytest.raises(ValueError, match="does not open here"):
        sealing.open(sealed, "trunk/b")


def test_an_old_key_still_opens_after_rotation_and_a_missing_one_is_named() -> None:
    sealed = Sealing(OLD).seal("correct horse", "x")
    assert Sealing(NEW | OLD).open(sealed, "x") == "correct horse"
    with pytest.raises(ValueError, match="'old'"):
        Sealing(NEW).open(sealed, "x")


@pytest.mark.parametrize("text", ["", "s1.x", "s2.bmV3.AAAA", "s1.bmV3.ä", "s1.bmV3.AAAA"])
def test_what_is_no_sealed_text_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(ValueError, match=r"sealed text"):
        Sealing(NEW).open(text, "x")


def test_sealed_text_that_was_changed_does_not_open() -> None:
    sealing = Sealing(NEW)
    version, key_id, content = sealing.seal("correct horse", "x").split(".")
    changed = bytearray(base64.urlsafe_b64decode(content))
    changed[-1] ^= 1
    forged = f"{version}.{key_id}.{base64.urlsafe_b64encode(changed).decode()}"
    with pytest.raises(ValueError, match="does not open here"):
        sealing.open(forged, "x")


def test_without_a_key_there_is_no_sealing() -> None:
    with pytest.raises(ValueError, match="payload key"):
        Sealing({})

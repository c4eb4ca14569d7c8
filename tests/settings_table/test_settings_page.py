from __future__ import annotations

import pytest
from pydantic_settings import BaseSettings

from engine.misspelt import known_names, misspelt
from settings_table import PROCESSES, settings_by_process
from settings_table.page import PAGE, page


def test_the_page_is_what_the_classes_say() -> None:
    """Write it anew with `make settings-table`."""
    assert PAGE.read_text(encoding="utf-8") == page()


def test_every_setting_is_explained_in_a_sentence() -> None:
    for process, docs in settings_by_process().items():
        for doc in docs:
            assert doc.meaning.endswith("."), f"{doc.name} of {process} has no sentence."


def test_names_that_hold_secrets_are_marked() -> None:
    telling = ("SECRET", "PASSWORD", "_KEYS", "_KEY")
    # LiveKit's key is the public half: it stands in every token that a browser gets.
    public = {"LIVEKIT_API_KEY"}
    unmarked = {
        doc.name
        for docs in settings_by_process().values()
        for doc in docs
        if doc.name.endswith(telling) and not doc.secret
    }
    assert unmarked == public


@pytest.mark.parametrize("process", PROCESSES)
def test_repr_hides_every_secret(process: str) -> None:
    kind: type[BaseSettings] = PROCESSES[process]
    shown = {name for name, field in kind.model_fields.items() if field.repr}
    secret = {doc.name.lower() for doc in settings_by_process()[process] if doc.secret}
    assert not shown & secret


@pytest.mark.parametrize("process", PROCESSES)
def test_no_process_takes_anothers_setting_for_a_misspelling(process: str) -> None:
    """All may be given the same environment."""
    everybodys = {name: "" for kind in PROCESSES.values() for name in known_names(kind)}
    assert misspelt(PROCESSES[process], everybodys) == {}

"""`docs/settings.md`, made of the settings classes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from settings_table.settings import SettingDoc, settings_by_process

PAGE = Path(__file__).parents[1] / "docs" / "settings.md"

_HEAD = """\
# Settings

Made by `make settings-table` from the settings classes; a test compares. Every process reads its
settings from the environment; an empty variable counts as not given. What is missing or malformed
is named in one sentence on stderr, all of it at once and without its value, and the process ends
with code 2.

A **secret** may also come from a file: `NAME_FILE=/run/secrets/name` in place of `NAME` (Docker and
Kubernetes secrets; the newline at its end is dropped). Both given is an error.

| Name | Processes | Value | Default | Meaning |
|---|---|---|---|---|
"""


@dataclass(frozen=True, slots=True)
class Row:
    doc: SettingDoc
    processes: tuple[str, ...]


def rows() -> list[Row]:
    """One per name, in the order of their first process. Raises ValueError when processes differ.

    Only whether a setting is required may differ; then it counts as required.
    """
    merged: dict[str, Row] = {}
    for process, docs in settings_by_process().items():
        for doc in docs:
            known = merged.get(doc.name)
            if known is None:
                merged[doc.name] = Row(doc, (process,))
                continue
            if replace(known.doc, required=doc.required, default=doc.default) != doc:
                raise ValueError(f"{doc.name} of {process} is not that of {known.processes[0]}.")
            required = known.doc if known.doc.required else doc
            merged[doc.name] = Row(required, (*known.processes, process))
    return list(merged.values())


def page() -> str:
    return _HEAD + "".join(_line(row) for row in rows())


def _line(row: Row) -> str:
    doc = row.doc
    name = f"`{doc.name}`" + "".join(f" (also `{other}`)" for other in doc.also_accepted)
    value = "secret" if doc.secret else doc.kind
    default = "**required**" if doc.required else f"`{doc.default}`" if doc.default else ""
    cells = (name, ", ".join(row.processes), value, default, doc.meaning)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"

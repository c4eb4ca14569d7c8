"""`switchboard assistants …`"""

from __future__ import annotations

from cli import command as commands
from cli.resource import Kind, add_commands

group = commands.group("assistants", "Who answers calls, and how.")

add_commands(
    group,
    Kind(
        noun="assistant",
        path="/assistants",
        id_field="id",
        columns=("ID", "NAME", "LANGUAGE", "HEARS BY", "THINKS BY", "SPEAKS BY", "RECORDS"),
        row=lambda item: (
            item["id"],
            item["name"],
            item["language"],
            item["stt"]["provider"],
            item["llm"]["provider"],
            item["tts"]["provider"],
            "yes" if item["record"] else "no",
        ),
        created="Call it: switchboard calls start {id}",
    ),
)

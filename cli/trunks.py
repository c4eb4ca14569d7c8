"""`switchboard trunks …`"""

from __future__ import annotations

from cli import command as commands
from cli.resource import Kind, add_commands

group = commands.group("trunks", "The ways to the telephone network.")

add_commands(
    group,
    Kind(
        noun="trunk",
        path="/trunks",
        id_field="id",
        columns=("ID", "NAME", "KIND", "PRESET", "ADDRESS", "FROM", "ON"),
        row=lambda item: (
            item["id"],
            item["name"],
            item["kind"],
            item["preset"],
            f"{item['host']}:{item['port']}/{item['transport']}",
            item.get("from_number") or "",
            "yes" if item["enabled"] else "no",
        ),
    ),
)

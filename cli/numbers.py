"""`switchboard numbers …`"""

from __future__ import annotations

from cli import command as commands
from cli.resource import Kind, add_commands

group = commands.group("numbers", "Which assistant answers a number that is called.")

add_commands(
    group,
    Kind(
        noun="number",
        path="/numbers",
        id_field="number",
        columns=("NUMBER", "ASSISTANT", "TRUNK", "LABEL", "ON"),
        row=lambda item: (
            item["number"],
            item["assistant_id"],
            item.get("trunk_id") or "any",
            item.get("label") or "",
            "yes" if item["enabled"] else "no",
        ),
    ),
)

"""Object names as Egress makes them."""

from __future__ import annotations

from datetime import datetime


def fill_path(template: str, *, room_name: str, room_id: str, at: datetime) -> str:
    """`{room_name}`, `{room_id}` and `{time}` filled; a folder or nothing gets the default name."""
    if not template or template.endswith("/"):
        template += "{room_name}-{time}"
    path = (
        template.replace("{room_name}", room_name)
        .replace("{room_id}", room_id)
        .replace("{time}", at.strftime("%Y-%m-%dT%H%M%S"))
    )
    return path if path.endswith(".ogg") else f"{path}.ogg"


def manifest_path(filename: str, egress_id: str) -> str:
    folder, slash, _ = filename.rpartition("/")
    return f"{folder}{slash}{egress_id}.json"

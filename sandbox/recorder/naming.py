"""Ids and object names as LiveKit makes them."""

from __future__ import annotations

import secrets
import string
from datetime import datetime

_ALPHABET = string.ascii_letters + string.digits


def new_id(prefix: str) -> str:
    return f"{prefix}_{''.join(secrets.choice(_ALPHABET) for _ in range(12))}"


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

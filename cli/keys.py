"""`switchboard keys …`"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any

import typer
from rich.text import Text

from cli import command as commands
from cli.command import Session, command
from cli.errors import Usage
from cli.resource import Yes, all_items, at, confirm
from cli.screen import clock

_PATH = "/keys"
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}

group = commands.group("keys", "API keys: who may do what.")


class Role(StrEnum):
    ADMIN = "admin"
    OPERATOR = "operator"
    AUDITOR = "auditor"
    AGENT = "agent"


@command(group)
def create(
    session: Session,
    name: Annotated[str, typer.Argument(help="Who or what uses it.", show_default=False)],
    role: Annotated[Role, typer.Option(help="operator starts and ends calls, auditor reads.")],
    expires: Annotated[
        str | None,
        typer.Option(metavar="WHEN", help="After 90d, 12h …, or at 2027-01-01[T00:00:00Z]."),
    ] = None,
) -> None:
    """Make a key. It is shown this once: stdout has the key and nothing else."""
    body: dict[str, Any] = {"name": name, "role": role.value}
    if expires is not None:
        body["expires_at"] = _moment(expires).isoformat()
    made = session.api.post(_PATH, body)
    if session.as_json:
        session.screen.document(made)
        return
    session.screen.done(f"Created key {made['id']} ({role.value}), shown this once:")
    print(made["key"])


@command(group, "list")
def list_keys(session: Session) -> None:
    """Every key, also those that open nothing any more."""
    items = all_items(session, _PATH)
    if session.as_json:
        session.screen.document({"items": items})
        return
    session.screen.table(
        ("ID", "NAME", "ROLE", "BEGINS WITH", "CREATED", "STATE"),
        (
            (
                item["id"],
                item["name"],
                item["role"],
                item["prefix"] or "",
                clock(item["created_at"]),
                _state(item),
            )
            for item in items
        ),
    )


@command(group)
def revoke(
    session: Session,
    key_id: Annotated[str, typer.Argument(metavar="ID", help="As `keys list` shows it.")],
    yes: Yes = False,
) -> None:
    """Revoke a key: from the next request on it opens nothing."""
    confirm(session, f"Revoke key {key_id}?", yes)
    session.api.delete(at(_PATH, key_id))
    if session.as_json:
        session.screen.document({"revoked": key_id})
        return
    session.screen.done(f"Revoked key {key_id}.")


def _state(item: dict[str, Any]) -> Text:
    if item["revoked_at"]:
        return Text(f"revoked {clock(item['revoked_at'])}", style="dim")
    if not item["expires_at"]:
        return Text("good", style="green")
    if datetime.fromisoformat(item["expires_at"]) <= datetime.now(UTC):
        return Text(f"expired {clock(item['expires_at'])}", style="dim")
    return Text(f"good until {clock(item['expires_at'])}", style="green")


def _moment(text: str) -> datetime:
    if match := re.fullmatch(r"(\d{1,6})([mhdw])", text):
        return datetime.now(UTC) + timedelta(**{_UNITS[match[2]]: int(match[1])})
    try:
        return datetime.fromisoformat(text).astimezone()
    except ValueError:
        raise Usage(f"--expires {text!r} is neither a time from now (90d) nor a date.") from None

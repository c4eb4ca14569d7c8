"""`switchboard webhooks …`"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

import typer
from rich.text import Text

from cli import command as commands
from cli.command import Session, command
from cli.errors import CliError, Exit, Usage
from cli.resource import Yes, all_items, at, confirm
from cli.screen import clock

_WEBHOOKS, _DELIVERIES = "/webhooks", "/webhook_deliveries"
_STYLES = {"delivered": "green", "pending": "yellow", "dead": "red", "cancelled": "dim"}

group = commands.group("webhooks", "Where events of calls are sent, and what became of them.")


class Status(StrEnum):
    PENDING = "pending"
    DELIVERED = "delivered"
    DEAD = "dead"
    CANCELLED = "cancelled"


Webhook = Annotated[
    str | None, typer.Option("--webhook", metavar="ID", help="Of this webhook alone.")
]


@command(group, "list")
def list_webhooks(session: Session) -> None:
    """Every webhook, without its secret."""
    items = all_items(session, _WEBHOOKS)
    if session.as_json:
        session.screen.document({"items": items})
        return
    session.screen.table(
        ("ID", "URL", "EVENTS", "ON"),
        ((item["id"], item["url"], ", ".join(item["events"]), _state(item)) for item in items),
    )


@command(group)
def create(
    session: Session,
    url: Annotated[str, typer.Argument(help="Where events are sent.", show_default=False)],
    event: Annotated[
        list[str], typer.Option(metavar="TYPE", help="Of what it is told; may be repeated.")
    ],
    description: Annotated[str, typer.Option(help="For people.")] = "",
) -> None:
    """Make a webhook. Its secret is shown this once: stdout has it and nothing else."""
    made = session.api.post(_WEBHOOKS, {"url": url, "events": event, "description": description})
    if session.as_json:
        session.screen.document(made)
        return
    session.screen.done(f"Created webhook {made['id']}; its secret, shown this once:")
    print(made["secret"])


@command(group)
def delete(
    session: Session,
    webhook_id: Annotated[str, typer.Argument(metavar="ID", show_default=False)],
    yes: Yes = False,
) -> None:
    """Delete a webhook. What is on its way to it is cancelled."""
    confirm(session, f"Delete webhook {webhook_id}?", yes)
    session.api.delete(at(_WEBHOOKS, webhook_id))
    if session.as_json:
        session.screen.document({"deleted": webhook_id})
        return
    session.screen.done(f"Deleted webhook {webhook_id}.")


@command(group)
def deliveries(
    session: Session,
    status: Annotated[
        Status | None, typer.Option(help="dead: the dead letters.", show_default=False)
    ] = None,
    webhook: Webhook = None,
    call: Annotated[str | None, typer.Option(metavar="ID", help="Of this call alone.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=200, help="The newest so many.")] = 50,
) -> None:
    """What was sent, newest first; with --json each attempt and what was answered."""
    found = session.api.get(
        _DELIVERIES,
        status=status.value if status else None,
        webhook_id=webhook,
        call_id=call,
        limit=limit,
    )
    if session.as_json:
        session.screen.document(found)
        return
    session.screen.table(
        ("ID", "WHEN", "EVENT", "CALL", "WEBHOOK", "STATUS", "ATTEMPTS", "LAST"),
        (_row(item) for item in found["items"]),
    )


@command(group)
def redeliver(
    session: Session,
    delivery_ids: Annotated[
        list[str] | None,
        typer.Argument(metavar="[DELIVERY]...", help="As `webhooks deliveries` shows them."),
    ] = None,
    dead: Annotated[bool, typer.Option("--dead", help="Every dead letter instead.")] = False,
    webhook: Webhook = None,
    yes: Yes = False,
) -> None:
    """Deliver events again, each under its own id: whoever knows it need not act twice."""
    wanted = delivery_ids or []
    if bool(wanted) == dead:
        raise Usage("Name deliveries, or say --dead.")
    if webhook is not None and not dead:
        raise Usage("--webhook goes with --dead.")
    if dead:
        wanted = _dead_letters(session, webhook)
        confirm(session, f"Deliver {len(wanted)} dead letters again?", yes)
    made, refused = [], 0
    for delivery_id in wanted:
        try:
            made.append(session.api.post(f"{at(_DELIVERIES, delivery_id)}/redeliver"))
        except CliError as error:
            # Of many, one that is refused must not keep the others.
            if not dead or error.exit_code is not Exit.CONFLICT:
                raise
            refused += 1
            session.screen.note(f"{delivery_id}: {error}")
    if session.as_json:
        session.screen.document({"items": made})
    else:
        more = f"; {refused} refused" if refused else ""
        session.screen.done(f"Delivering {len(made)} again{more}.")


def _dead_letters(session: Session, webhook: str | None) -> list[str]:
    """Oldest first; the API leaves out what was sent again already."""
    found = all_items(session, _DELIVERIES, status="dead", webhook_id=webhook)
    return [item["id"] for item in reversed(found)]


def _row(item: dict[str, Any]) -> tuple[Text | str, ...]:
    return (
        item["id"],
        clock(item["created_at"]),
        item["event_type"],
        item["call_id"],
        item["webhook_id"],
        Text(item["status"], style=_STYLES.get(item["status"], "")),
        str(len(item["attempts"])),
        item["detail"],
    )


def _state(item: dict[str, Any]) -> Text:
    if item["enabled"]:
        return Text("yes", style="green")
    return Text(f"no: {item['disabled_reason'] or 'switched off'}", style="dim")

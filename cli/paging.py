"""Lists that come in pages: what all their commands take, and one page or all of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

import typer

from cli.command import Session

_MOMENT = typer.Option(
    formats=["%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d"],
    help="Of the call. Local time unless it has a zone: 2026-11-21, 2026-11-21T10:00:00Z.",
)
Started = Annotated[datetime | None, _MOMENT]
Limit = Annotated[int, typer.Option(min=1, max=200, help="At most so many a page.")]
Cursor = Annotated[str | None, typer.Option(help="Go on where a page ended.")]
Everything = Annotated[bool, typer.Option("--all", help="Every page, not only one.")]
AssistantOption = Annotated[str | None, typer.Option(help="An assistant's id.")]


def moment(at: datetime | None) -> str | None:
    return at.astimezone().isoformat() if at is not None else None


def page_or_all(
    session: Session, path: str, query: Mapping[str, object], *, everything: bool
) -> dict[str, Any]:
    """A list's document; `query` has a `limit`."""
    most = {"limit": 200} if everything else {}
    items: list[dict[str, Any]] = []
    next_cursor = None
    for page in session.api.pages(path, **{**query, **most}):
        items += page["items"]
        next_cursor = page["next_cursor"]
        if not everything:
            break
    return {"items": items, "next_cursor": next_cursor}


def tell_of_more(session: Session, next_cursor: str | None) -> None:
    if next_cursor:
        session.screen.note(f"There are more: --all, or --cursor {next_cursor}")

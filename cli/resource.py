"""list, show, create, update and delete, the same for everything that is configured."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import quote

import typer
from rich.text import Text

from cli.command import Session, command
from cli.documents import Document, read_document
from cli.errors import Usage

Id = Annotated[str, typer.Argument(metavar="ID", show_default=False)]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
Replace = Annotated[
    bool, typer.Option("--replace", help="What the file leaves out gets its default back.")
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of thing: where the API has it, and how a list shows it."""

    noun: str
    path: str
    id_field: str
    columns: Sequence[str]
    row: Callable[[dict[str, Any]], Sequence[Text | str]]
    created: str = ""  # what to do next; {id} is filled in


def add_commands(group: typer.Typer, kind: Kind) -> None:
    """The five commands; `create` and `update` read JSON or YAML."""
    noun = kind.noun

    @_described(group, "list", f"All {noun}s.")
    def list_all(session: Session) -> None:
        items = all_items(session, kind.path)
        if session.as_json:
            session.screen.document({"items": items})
        elif items:
            session.screen.table(kind.columns, (kind.row(item) for item in items))
        else:
            session.screen.note(f"No {noun}s.")

    @_described(group, "show", f"One {noun}; with --json a document to edit and send back.")
    def show(session: Session, identifier: Id) -> None:
        found = session.api.get(at(kind.path, identifier))
        if session.as_json:
            session.screen.document(found)
        else:
            session.screen.fields(
                dict(_flat(found)), title=f"{noun.capitalize()} {found[kind.id_field]}"
            )

    @_described(group, "create", f"Create a {noun} from a JSON or YAML file, or from stdin.")
    def create(session: Session, file: Document = "-") -> None:
        made = session.api.post(kind.path, read_document(file))
        if session.as_json:
            session.screen.document(made)
        else:
            identifier = made[kind.id_field]
            next_step = kind.created.format(id=identifier)
            session.screen.done(f"Created {noun} {identifier}. {next_step}".rstrip())

    @_described(group, "update", f"Change what the file names of a {noun}, or with --replace all.")
    def update(
        session: Session, identifier: Id, file: Document = "-", replace: Replace = False
    ) -> None:
        body = read_document(file)
        if body.pop(kind.id_field, identifier) != identifier:
            raise Usage(f"The file is about another {noun} than {identifier}.")
        path = at(kind.path, identifier)
        changed = session.api.put(path, body) if replace else session.api.patch(path, body)
        if session.as_json:
            session.screen.document(changed)
        else:
            session.screen.done(f"Changed {noun} {identifier}; calls from now on follow it.")

    @_described(group, "delete", f"Delete a {noun}.")
    def delete(session: Session, identifier: Id, yes: Yes = False) -> None:
        confirm(session, f"Delete {noun} {identifier}?", yes)
        session.api.delete(at(kind.path, identifier))
        if session.as_json:
            session.screen.document({"deleted": identifier})
        else:
            session.screen.done(f"Deleted {noun} {identifier}.")


def _described(
    group: typer.Typer, name: str, text: str
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    def register(function: Callable[..., None]) -> Callable[..., None]:
        function.__doc__ = text
        return command(group, name)(function)

    return register


def all_items(session: Session, path: str, **query: object) -> list[dict[str, Any]]:
    return [item for page in session.api.pages(path, **query) for item in page["items"]]


def at(path: str, identifier: str) -> str:
    if not identifier or identifier in (".", ".."):
        raise Usage("An id is empty or no id.")
    return f"{path}/{quote(identifier, safe='')}"


def confirm(session: Session, question: str, yes: bool) -> None:
    """Asks a person; a script has made up its mind."""
    if yes or session.as_json or not sys.stdin.isatty():
        return
    if not typer.confirm(question, err=True):
        raise Usage("Nothing was done.")


def _flat(value: Any, name: str = "") -> list[tuple[str, str]]:
    """Nested objects as dotted names: one value a line, which greps well."""
    if isinstance(value, list) and not any(isinstance(item, dict) for item in value):
        value = ", ".join(map(str, value))
    if isinstance(value, list):
        value = dict(enumerate(value))
    if isinstance(value, dict):
        inner = (_flat(v, f"{name}.{k}" if name else str(k)) for k, v in value.items())
        return [line for lines in inner for line in lines]
    if value is None or value == "":
        return []
    return [(name, str(value).lower() if isinstance(value, bool) else str(value))]

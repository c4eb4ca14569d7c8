"""What all commands share: their common options, and what becomes of errors."""

from __future__ import annotations

import functools
import inspect
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Any, get_type_hints

import typer

from cli.api import PATIENCE, Api
from cli.connection import Connection, find_connection
from cli.errors import CliError, Exit, Usage
from cli.screen import Screen

_PANEL = "Everywhere"

Json = Annotated[
    bool,
    typer.Option("--json", help="JSON on stdout and nothing else there.", rich_help_panel=_PANEL),
]
ApiUrl = Annotated[
    str | None,
    typer.Option(
        help="The installation. Default: SWITCHBOARD_API_URL, else this checkout's stack.",
        rich_help_panel=_PANEL,
        show_default=False,
    ),
]
ApiKey = Annotated[
    str | None,
    typer.Option(
        help="Your key; better in SWITCHBOARD_API_KEY, as others can read command lines.",
        rich_help_panel=_PANEL,
        show_default=False,
    ),
]


@dataclass(slots=True)
class Common:
    """Options that may stand before a command as well as behind it."""

    as_json: bool = False
    api_url: str | None = None
    api_key: str | None = None


@dataclass(slots=True)
class Session:
    """One run of one command."""

    common: Common
    screen: Screen = field(init=False)
    _api: Api | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.screen = Screen(as_json=self.common.as_json)

    @property
    def as_json(self) -> bool:
        return self.common.as_json

    def connection(self) -> Connection:
        return find_connection(self.common.api_url, self.common.api_key)

    @property
    def api(self) -> Api:
        """Raises Usage when nobody said which installation is meant."""
        if self._api is None:
            found = self.connection()
            if found.stack_file is not None:
                self.screen.note(f"Using the stack of {found.stack_file}.")
            self._api = Api(found, patience=_patience(), tell=self.screen.note)
        return self._api

    def close(self) -> None:
        if self._api is not None:
            self._api.close()


def group(name: str, help: str) -> typer.Typer:
    return typer.Typer(name=name, help=help, no_args_is_help=True, rich_markup_mode="rich")


def command(
    of: typer.Typer, name: str | None = None
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Registers a function whose first parameter is a Session; the common options are added.

    Whatever it raises ends as a sentence on stderr and an exit code, never as a traceback.
    """

    def register(function: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(function)
        def run(*, ctx: typer.Context, json: bool, api_url: str | None, api_key: str | None,
                **own: Any) -> None:  # fmt: skip
            before = ctx.find_object(Common) or Common()
            common = Common(
                as_json=json or before.as_json,
                api_url=api_url or before.api_url,
                api_key=api_key or before.api_key,
            )
            _finish(Session(common), lambda session: function(session, **own))

        hints = get_type_hints(function, include_extras=True)
        first, *own = inspect.signature(function).parameters.values()
        common: list[tuple[str, Any, Any]] = [
            ("ctx", typer.Context, inspect.Parameter.empty),
            ("json", Json, False),
            ("api_url", ApiUrl, None),
            ("api_key", ApiKey, None),
        ]
        parameters = [p.replace(kind=p.KEYWORD_ONLY, annotation=hints[p.name]) for p in own]
        parameters += [
            inspect.Parameter(name, first.KEYWORD_ONLY, annotation=kind, default=default)
            for name, kind, default in common
        ]
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined,unused-ignore]
        run.__annotations__ = {p.name: p.annotation for p in parameters}
        del run.__wrapped__  # type: ignore[attr-defined,unused-ignore]  # typer would look through it
        of.command(name)(run)
        return function

    return register


def _finish(session: Session, work: Callable[[Session], None]) -> None:
    try:
        work(session)
        sys.stdout.flush()
    except CliError as error:
        session.screen.fail(error)
        if error.exit_code is Exit.AWAY:
            session.screen.note("`switchboard doctor` looks further.")
        raise typer.Exit(int(error.exit_code)) from None
    except KeyboardInterrupt:
        session.screen.note("\nInterrupted.")
        raise typer.Exit(int(Exit.INTERRUPTED)) from None
    finally:
        session.close()


def _patience() -> float:
    text = os.environ.get("SWITCHBOARD_PATIENCE") or str(PATIENCE)
    try:
        return max(0.0, float(text))
    except ValueError:
        raise Usage(f"SWITCHBOARD_PATIENCE is {text!r}; it must be seconds.") from None

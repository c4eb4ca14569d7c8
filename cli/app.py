"""The command tree."""

from __future__ import annotations

import typer

from cli import (
    assistants,
    bills,
    calls,
    doctor,
    keys,
    numbers,
    recordings,
    smoke,
    trunks,
    webhooks,
)
from cli.command import ApiKey, ApiUrl, Common, Json

_EXIT_CODES = (
    "Exit codes: 0 well, 1 a check or the call itself failed, 2 usage, 3 not found, "
    "4 refused (key, role), 5 invalid, 6 conflict, 7 service away, 8 rate limited, "
    "130 interrupted. More in docs/cli.md."
)

app = typer.Typer(
    name="switchboard",
    help="Phone and web calls with an assistant: start them, follow them, look after them.",
    epilog=_EXIT_CODES,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def _common(
    ctx: typer.Context,
    as_json: Json = False,
    api_url: ApiUrl = None,
    api_key: ApiKey = None,
) -> None:
    ctx.obj = Common(as_json=as_json, api_url=api_url, api_key=api_key)


doctor.add_to(app)
smoke.add_to(app)
calls.add_to(app)
for resource in (calls, bills, recordings, assistants, trunks, numbers, keys, webhooks):
    app.add_typer(resource.group)

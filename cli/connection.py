"""Which installation is meant, and by which key: options, then environment, then this checkout."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cli.errors import Usage

CHECKOUT = Path(__file__).resolve().parents[1]

_URL_NAMES = ("SWITCHBOARD_API_URL", "API_URL")
_KEY_NAMES = ("SWITCHBOARD_API_KEY", "API_KEY")


class Unnamed(Usage):
    """Nobody said which installation is meant, and none runs from this checkout."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    api_url: str
    api_key: str
    url_from: str  # for people: an option, a variable, a file
    key_from: str
    talk_url: str | None = None  # the embedded stack's page to talk in
    stack_file: Path | None = None  # set when the embedded stack's own file was used


def find_connection(
    api_url: str | None, api_key: str | None, environment: Mapping[str, str] | None = None
) -> Connection:
    """Raises Usage with the way out. The stack's key is only sent to the stack's own address."""
    known = os.environ if environment is None else environment
    url, url_from = _chosen("--api-url", api_url, _URL_NAMES, known)
    key, key_from = _chosen("--api-key", api_key, _KEY_NAMES, known)
    file = stack_file(known)
    stack = _read(file) if not (url and key) else {}
    talk_url, used = None, None
    if not url and stack:
        url, url_from, talk_url = str(stack["api_url"]), str(file), stack.get("talk_url")
        used = file
    if not key and stack and url.rstrip("/") == str(stack["api_url"]):
        key, key_from = str(stack["api_key"]), str(file)
        used = file
    if not url:
        raise Unnamed(
            "No installation is named: give --api-url or SWITCHBOARD_API_URL "
            "(here, `make up` starts one and writes .run/stack.json)."
        )
    if not url.startswith(("http://", "https://")):
        raise Usage(f"{url_from} is {url!r}; it must begin with http:// or https://.")
    if not key:
        raise Usage("There is no API key: give SWITCHBOARD_API_KEY or --api-key.")
    if not (key.isascii() and key.isprintable()):
        raise Usage(f"The key of {key_from} has characters in it that no key has.")
    return Connection(
        api_url=url.rstrip("/"),
        api_key=key.strip(),
        url_from=url_from,
        key_from=key_from,
        talk_url=talk_url,
        stack_file=used,
    )


def stack_file(environment: Mapping[str, str]) -> Path:
    return Path(environment.get("SWITCHBOARD_RUN_DIR") or CHECKOUT / ".run") / "stack.json"


def _chosen(
    option: str, given: str | None, names: tuple[str, ...], known: Mapping[str, str]
) -> tuple[str, str]:
    if given:
        return given, option
    for name in names:
        if known.get(name):
            return known[name], name
    return "", ""


def _read(file: Path) -> dict[str, Any]:
    """Empty when there is none, or it is not what a stack writes."""
    try:
        raw = json.loads(file.read_text())
    except (OSError, ValueError):
        return {}
    wanted = isinstance(raw, dict) and {"api_url", "api_key"} <= raw.keys()
    return raw if wanted else {}

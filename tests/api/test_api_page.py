"""docs/api.md names every code that an answer may have."""

from __future__ import annotations

import importlib
import pkgutil
import re
from pathlib import Path

import api
import store
from api import problems
from api.edge import http_protocol
from contract.errors import PlatformError

ROOT = Path(__file__).parents[2]
# Of processes that do not start; no request is answered with it.
NOT_ANSWERED = {"bad-settings"}


def test_the_table_of_errors_is_whole() -> None:
    for package in (api, store):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if "__main__" not in module.name and "migrations" not in module.name:
                importlib.import_module(module.name)
    ours = [kind for kind in _all_kinds(PlatformError) if kind.__module__.startswith(_ANSWERING)]
    raised = {kind.code for kind in ours} | {PlatformError.code}
    written_out = set()
    for source in [*(ROOT / "api").rglob("*.py"), *(ROOT / "store").glob("*.py")]:
        text = source.read_text()
        written_out |= set(re.findall(r'code="([a-z-]+)"', text))
    for module in (problems, http_protocol):
        text = Path(str(module.__file__)).read_text()
        written_out |= set(re.findall(r'\d{3}(?:,|: \()\s*"([a-z-]+)"', text))
    told = set(re.findall(r"`([a-z]+(?:-[a-z]+)+|[a-z]+)`", _error_table()))
    missing = (raised | written_out) - told - NOT_ANSWERED
    assert not missing, f"docs/api.md does not tell of {sorted(missing)}."


_ANSWERING = ("api.", "store.", "contract.errors")


def _all_kinds(kind: type[PlatformError]) -> set[type[PlatformError]]:
    return {kind}.union(*(_all_kinds(below) for below in kind.__subclasses__()))


def _error_table() -> str:
    page = (ROOT / "docs" / "api.md").read_text()
    return "".join(line.split("|")[2] for line in page.splitlines() if re.match(r"\| \d{3} ", line))

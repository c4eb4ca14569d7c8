"""What a running installation tells about itself, and what can be seen of it from here."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

from cli.api import Api
from cli.doctor.clocks import compare_clocks
from cli.doctor.livekit import look_at_livekit
from cli.doctor.next_steps import next_step
from cli.errors import Away, CliError, Exit
from cli.report import Report

_MAY_START_CALLS = ("admin", "operator")


def examine_installation(report: Report, api: Api, *, is_ours: bool) -> None:
    if not _api_answers(report, api, is_ours=is_ours):
        return
    told = _key_is_good(report, api)
    parts = _parts_are_ready(report, api, is_ours=is_ours)
    if told is None:
        return
    api_ahead, role = told["ahead"], told["key"]["role"]
    livekit_ahead = look_at_livekit(report, told["livekit_url"], is_ours=is_ours)
    compare_clocks(report, api_ahead, livekit_ahead)
    if role not in _MAY_START_CALLS:
        why, step = f"this key's role is {role}", "Use a key of role operator or admin."
    elif not parts.get("livekit", True):
        why, step = "LiveKit is away", next_step("livekit", is_ours=is_ours)
    else:
        _probe(report, api, known=set(parts), is_ours=is_ours)
        return
    report.warn("agents and webhooks", f"not looked at, as {why}", step)


def _api_answers(report: Report, api: Api, *, is_ours: bool) -> bool:
    begun = time.monotonic()
    try:
        answer = api.look("/healthz")
    except Away as away:
        report.fail("API", str(away), next_step("api", is_ours=is_ours))
        return False
    took = (time.monotonic() - begun) * 1000
    if answer.status_code != 200:
        trouble = f"/healthz answered {answer.status_code}: this is no Switchboard"
        report.fail("API", trouble, "See to --api-url or SWITCHBOARD_API_URL.")
        return False
    report.ok("API", f"answers in {took:.0f} ms")
    return True


def _key_is_good(report: Report, api: Api) -> dict[str, Any] | None:
    """What the API tells, with how far its clock is `ahead` of ours; None when it refuses."""
    begun = datetime.now(UTC)
    try:
        told: dict[str, Any] = api.get("/installation")
    except CliError as refused:
        step = f"Give a good one: the one of {api.connection.key_from} was refused."
        if refused.exit_code is Exit.NOT_FOUND:
            step = "The API is older than this command line: bring both to one version."
        elif refused.exit_code is not Exit.REFUSED:
            step = "See the API's log; parts that are away are named below."
        report.fail("key", str(refused), step)
        return None
    ended = datetime.now(UTC)
    here = begun + (ended - begun) / 2
    told["ahead"] = (datetime.fromisoformat(told["time"]) - here).total_seconds()
    key = told["key"]
    report.ok("key", f"“{key['name']}”, role {key['role']}, tenant {key['tenant_id']}")
    return told


def _parts_are_ready(report: Report, api: Api, *, is_ours: bool) -> dict[str, bool]:
    """Every part that /readyz names, whatever they are, and whether it is well."""
    try:
        parts = api.look("/readyz").json()["parts"]
    except (Away, ValueError, KeyError, TypeError):
        report.fail("readiness", "/readyz gave no answer that can be read", "See the API's log.")
        return {}
    for name, part in parts.items():
        if part["ok"]:
            report.ok(name, part.get("detail") or "")
            continue
        sentences = [part.get("detail") or "is away", part.get("without_it") or ""]
        detail = ". ".join(text.rstrip(".") for text in sentences if text)
        step = next_step(name, is_ours=is_ours)
        if part.get("link"):
            step = f"{step} Look at {part['link']}"
        report.fail(name, detail, step)
    return {name: part["ok"] for name, part in parts.items()}


def _probe(report: Report, api: Api, *, known: set[str], is_ours: bool) -> None:
    """On the way that a call takes: through Temporal, LiveKit and its webhooks."""
    try:
        parts = api.post("/installation/probe")["parts"]
    except CliError as refused:
        report.fail("probe", str(refused), "See the API's log.")
        return
    providers: dict[str, dict[str, Any]] = {}
    for part in parts:
        name = part["name"]
        providers |= part["data"].get("providers", {})
        if name in known:
            continue
        if part["ok"]:
            report.ok(_SHOWN.get(name, name), _SAYS.get(name, ""))
        else:
            step = next_step(name, is_ours=is_ours)
            report.fail(_SHOWN.get(name, name), part["detail"], step)
    for name, facts in providers.items():
        _provider(report, name, facts)


def _provider(report: Report, name: str, facts: dict[str, Any]) -> None:
    if facts["key_set"]:
        report.ok(name, f"key set, asked at {facts['host']}")
        return
    variable = "ELEVEN_API_KEY" if name == "elevenlabs" else f"{name.upper()}_API_KEY"
    report.fail(name, "its key is not set", f"Set {variable} for Atlas.")


_SHOWN = {"livekit_webhooks": "LiveKit's webhooks", "atlas": "Atlas", "media-bot": "Media Bot"}
_SAYS = {
    "worker": "answers",
    "atlas": "registered with LiveKit, takes calls",
    "media-bot": "registered with LiveKit, takes calls",
    "livekit_webhooks": "arrive",
}

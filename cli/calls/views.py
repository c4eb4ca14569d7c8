"""Calls as a person reads them."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from rich.text import Text

from cli.amounts import money, number, unit_price
from cli.screen import Screen, clock, plain, seconds
from contract.endings import EndedReason

_ACTORS = {"caller": "cyan", "assistant": "green", "atlas": "green", "operator": "magenta"}
_STATES = {
    "ended": "dim",
    "in_progress": "green",
    "on_hold": "yellow",
    "ringing": "cyan",
    "queued": "cyan",
    "ready": "green",
    "needs_attention": "red",
    "lost": "red",
    "deleted": "dim",
}
# Ways to end that somebody should look into.
_BAD = frozenset(
    {
        EndedReason.ASSISTANT_FAILED,
        EndedReason.PROVIDER_ERROR,
        EndedReason.PLATFORM_ERROR,
        EndedReason.MEDIA_TIMEOUT,
        EndedReason.CAPACITY,
    }
)


def ended_badly(record: dict[str, Any]) -> bool:
    return record.get("ended_reason") in _BAD


def show_started(screen: Screen, call: dict[str, Any], talk_url: str | None) -> None:
    screen.fields(
        {
            "call": Text(call["call_id"], style="bold green"),
            "room": call["room_name"],
            "url": call["url"],
            "token": call["token"],
            "workflow": call["links"].get("temporal"),
            "record": call["links"]["self"],
        }
    )
    screen.note("")
    if talk_url is not None:
        hash = urlencode({"url": call["url"], "token": call["token"]})
        screen.note("Talk, in a browser on this machine:")
        screen.err.print(Text(f"{talk_url}#{hash}"), soft_wrap=True)
    else:
        screen.note("Join the room with url and token, within a minute, by any LiveKit client.")
    screen.note(f"Follow it: switchboard calls watch {call['call_id']}")


def show_placed(screen: Screen, call: dict[str, Any]) -> None:
    screen.fields(
        {
            "call": Text(call["call_id"], style="bold green"),
            "workflow": call["links"].get("temporal"),
            "record": call["links"]["self"],
        }
    )
    screen.note(f"It goes on without you; to end it: switchboard calls hangup {call['call_id']}")


def show_list(screen: Screen, items: list[dict[str, Any]]) -> None:
    if not items:
        screen.note("No calls.")
        return
    screen.table(
        ("CALL", "STATE", "STARTED", "TALK", "REC", "ASSISTANT"),
        (
            (
                item["call_id"],
                _short_state(item),
                clock(item["started_at"]),
                seconds(item["talk_seconds"]) if item["answered_at"] else "",
                _short_recording(item["recording_status"]),
                item["assistant_id"] or "",
            )
            for item in items
        ),
    )


def show_record(screen: Screen, call: dict[str, Any]) -> None:
    recording = call["recording"]
    holds = [f"{hold['holder']} {clock(hold['from'])} to {clock(hold['to'])}"
             for hold in call["holds"]]  # fmt: skip
    length = seconds(recording.get("duration_seconds"))
    screen.fields(
        {
            "state": _state(call),
            "why": call.get("ended_detail"),
            "by": call["ended_by"],
            "started": clock(call["started_at"]),
            "answered": clock(call["answered_at"]) or None,
            "ended": clock(call["ended_at"]) or None,
            "talk time": seconds(call["talk_seconds"]) if call["answered_at"] else None,
            "holds": "; ".join(holds) or None,
            "assistant": call["assistant_id"],
            "language": call["language"],
            "direction": f"{call['direction']} over {call['provider']}",
            "called": call.get("to_number"),
            "shown as": call.get("from_number"),
            "trunk": call.get("trunk_id"),
            "metadata": ", ".join(f"{k}={v}" for k, v in call["metadata"].items()) or None,
            "recording": Text.assemble(
                recording_state(recording["status"]),
                f"  {length}" if length else "",
                f"  {plain(recording['detail'])}" if recording["detail"] else "",
            ),
            **_kept(call),
        },
        title=call["call_id"],
    )
    _show_cost(screen, call["cost"], over=call["status"] == "ended")
    links = call["links"]
    names = ("timeline", "transcript", "recording", "temporal")
    screen.fields({name: links.get(name) for name in names}, title="Links")


def show_event(screen: Screen, item: dict[str, Any]) -> None:
    actor = plain(str(item.get("actor") or item.get("source") or ""))
    screen.out.print(
        Text.assemble(
            (clock(item["at"], precise=True), "dim"),
            "  ",
            (f"{actor:<10}", _ACTORS.get(actor.partition("-")[0], "dim")),
            " ",
            plain(item["text"]),
        )
    )


def show_turn(screen: Screen, turn: dict[str, Any]) -> None:
    speaker = plain(turn["speaker"])
    sentiment = turn.get("sentiment") or {}
    mood = f"  ({sentiment['compound']:+.2f})" if "compound" in sentiment else ""
    screen.out.print(
        Text.assemble(
            (clock(turn["start"], precise=True), "dim"),
            "  ",
            (f"{speaker:<10}", _ACTORS.get(speaker, "")),
            " ",
            plain(turn["text"]),
            (mood, "dim"),
        )
    )


def show_recording(screen: Screen, found: dict[str, Any]) -> None:
    size = found["size_bytes"]
    screen.fields(
        {
            "state": recording_state(found["status"]),
            "detail": found["detail"] or None,
            "length": seconds(found["duration_seconds"]) or None,
            "size": f"{size:,} bytes" if size else None,
            "sha256": found["sha256"],
            "attempts": str(found["attempts"]),
            "plays until": clock(found["expires_at"]) or None,
        },
        title=found["call_id"],
    )
    if found["url"]:
        screen.out.print(Text(f"  {found['url']}"), soft_wrap=True)


def _kept(call: dict[str, Any]) -> dict[str, str | None]:
    """Of a record: what is kept until when, and by which hold."""
    hold = call.get("legal_hold")
    lines = {
        f"{what} kept": _until((call.get("retention") or {}).get(what) or {})
        for what in ("recording", "transcript")
    }
    if hold:
        lines["legal hold"] = f"{hold['by']}, {clock(hold['placed_at'])}: {hold['reason']}"
    return lines


def _until(kept: dict[str, Any]) -> str | None:
    deletion = kept.get("deletion")
    if deletion is not None:
        state = f"deleted {clock(deletion['deleted_at'])}" if deletion["deleted_at"] else "deleting"
        return f"{state} by {deletion['by']}: {deletion['reason']}"
    return f"until {clock(kept['delete_after'])}" if kept.get("delete_after") else None


def _show_cost(screen: Screen, cost: dict[str, Any] | None, *, over: bool) -> None:
    if cost is None:
        if over:
            screen.note("  The bill is not settled yet.")
        return
    partial = " (partial: `switchboard bills show` says why)" if cost["partial"] else ""
    screen.out.print(Text(f"Cost {money(cost['total'])} {cost['currency']}{partial}", style="bold"))
    for item in cost["items"]:
        price = f"{number(item['quantity'])} {item['unit']} at {unit_price(item)}"
        screen.out.print(
            Text.assemble(
                "  ",
                f"{plain(item['what']):<10}",
                f"{plain(item['provider']):<12}",
                (f"{plain(price):<40}", "dim"),
                f"{money(item['amount']):>12}",
            )
        )


def _state(call: dict[str, Any]) -> Text:
    if call["status"] != "ended":
        return Text(call["status"], style=_STATES.get(call["status"], ""))
    reason = str(call["ended_reason"])
    return Text(f"ended: {reason}", style="red" if ended_badly(call) else "")


def _short_state(call: dict[str, Any]) -> Text:
    """One word: where a call is, or how it ended."""
    if call["status"] != "ended":
        return _state(call)
    return Text(str(call["ended_reason"]), style="red" if ended_badly(call) else "dim")


def _short_recording(status: str) -> Text:
    return Text("") if status == "not_requested" else recording_state(status)


def recording_state(status: str) -> Text:
    return Text(status.replace("_", " "), style=_STATES.get(status, "dim"))

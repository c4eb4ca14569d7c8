"""What the person at the terminal sees."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from sandbox.demo.beside import beside
from sandbox.demo.conversation import Conversation
from sandbox.demo.phone_call import PhoneTalk
from sandbox.demo.record import Record
from sandbox.demo.refused_upload import Retry
from sandbox.demo.verdict import listen_to
from sandbox.stack import Part, StackDescription

# Whom a request goes to: the same in every line of a ladder, and half its width.
_TARGET = re.compile(r" sips?:\S+")
_COLOURS = {
    "caller": "cyan",
    "callee": "cyan",
    "assistant": "green",
    "atlas": "green",
    "demo": "bold yellow",
}


class Screen:
    def __init__(self) -> None:
        self._console = Console(highlight=False, soft_wrap=True)
        self._begun = time.monotonic()

    @property
    def elapsed(self) -> float:
        return time.monotonic() - self._begun

    @contextmanager
    def starting(self) -> Iterator[Any]:
        """A bar that fills as parts become ready; gives the callback that the stack reports to."""
        columns = (
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            TimeElapsedColumn(),
        )
        waiting = list(Part)
        with Progress(*columns, console=self._console, transient=True) as progress:
            task = progress.add_task("Starting the stack", total=len(waiting))

            def report(part: str, news: str) -> None:
                if progress.finished:
                    return  # a restart later on: the story tells it
                if news.startswith("ready"):
                    waiting.remove(Part(part))
                    progress.advance(task)
                elif news != "starting":
                    progress.console.print(f"  {part}: {news}")
                left = ", ".join(waiting)
                progress.update(task, description=f"Starting; waiting for {left or 'nothing'}")

            yield report
        self.say(f"All {len(Part)} parts are ready after {self.elapsed:.1f} s.")

    def say(self, text: str) -> None:
        self._console.print(text)

    def tell(self, who: str, what: str) -> None:
        """One line of what happens now, in the room or done to the stack."""
        self._line(datetime.now(UTC), who, what)

    def tell_event(self, entry: dict[str, Any]) -> None:
        """One entry of the call's timeline."""
        at = datetime.fromisoformat(entry["at"])
        self._line(at, str(entry.get("actor") or entry.get("source") or ""), entry["text"])

    def _rows(self, rows: dict[str, str]) -> None:
        self.say("")
        for name, value in rows.items():
            self._console.print(f"  {name:<11} {value}", markup=False)

    def _line(self, at: datetime, who: str, what: str) -> None:
        colour = _COLOURS.get(who.lower(), "dim")
        self._console.print(f"[dim]{_clock(at)}[/]  [{colour}]{who:<10}[/] ", end="")
        self._console.print(what, markup=False)

    def record(self, record: Record, conversation: Conversation, stack: StackDescription) -> None:
        call = record.call
        self.say("\n[bold]The record[/]")
        for turn in record.transcript:
            said = f"  [{_COLOURS[turn['speaker']]}]{turn['speaker']:<10}[/] {turn['text']}"
            self.say(said + _sentiment(turn))
        audio = listen_to(record.audio)
        length = f"{audio.seconds:.1f} s, {len(record.audio)} bytes" if audio else "no audio"
        workerless = conversation.worker_back_at - conversation.worker_killed_at
        rows = {
            "ended": f"{call.get('ended_reason')} (by {call.get('ended_by')})",
            "talk time": f"{call.get('talk_seconds')} s",
            "no worker": f"for {workerless:.1f} s; {conversation.heard_while_workerless:.1f} s of "
            "speech were heard meanwhile",
            "held": f"{_holds(call)}; {conversation.heard_in_hold:.1f} s of music were heard",
            "recording": f"{record.recording['status']}, {length}: {record.recording.get('url')}",
            "workflow": stack.workflow_url(call["call_id"]),
            "API docs": f"{stack.api_url}/docs",
        }
        self._rows(rows)

    def phone_record(self, record: Record, talk: PhoneTalk, ladder: str) -> None:
        call = record.call
        self.say("\n[bold]The phone call: SIP on the wire, and the timeline[/]")
        # In the order in which it happened; some of it was told much later.
        entries = sorted(record.timeline, key=lambda entry: datetime.fromisoformat(entry["at"]))
        told = [f"{_clock(e['at'])}  {e['actor']:<10} {e['text']}" for e in entries]
        drawn = [_TARGET.sub("", line) for line in ladder.splitlines()]
        for line in beside(drawn, told, self._console.width):
            self._console.print(line, markup=False)
        away = (talk.temporal_back_at - talk.temporal_gone_at).total_seconds()
        self._rows(
            {
                "ended": f"{call.get('ended_reason')} (by {call.get('ended_by')})",
                "talk time": f"{call.get('talk_seconds')} s; the carrier says "
                f"{talk.carrier['seconds']} s",
                "held": _holds(call),
                "no Temporal": f"for {away:.1f} s",
                "INVITEs": f"{talk.invites} at the carrier",
                "recording": f"{record.recording['status']}: {record.recording.get('url')}",
            }
        )

    def retry(self, retry: Retry, record: Record) -> None:
        self.say(
            "\n[bold]Its recording, which the object store refused, and an operator's retry[/]"
        )
        recording = record.recording
        self._rows(
            {
                "before": f"{retry.failed['status']}: {retry.failed['detail']}",
                "$": retry.command,
                "after": f"{recording['status']}: {recording['detail']}",
                "SHA-256": f"{recording.get('sha256')}, {len(record.audio)} bytes",
            }
        )

    def how_to_go_on(self, stack: StackDescription, call: dict[str, Any]) -> None:
        self.say(
            "\n[bold]Everything stays up until Ctrl-C.[/] A call for you, in a browser "
            "(within a minute; the page can place another):"
        )
        hash = urlencode({"url": call["url"], "token": call["token"]})
        self._console.print(f"  {stack.talk_url}#{hash}", markup=False)
        self.say("Another call, from another terminal:")
        self._console.print(
            f"  curl -X POST {stack.api_url}/web_call/get_token "
            f"-H 'Authorization: Bearer {stack.api_key}' "
            "-H 'Content-Type: application/json' -d '{\"assistant_id\": \"demo\"}'",
            markup=False,
        )


def _holds(call: dict[str, Any]) -> str:
    holds = [f"{_clock(h['from'])} to {_clock(h['to'])} by {h['holder']}" for h in call["holds"]]
    return ", ".join(holds) or "never"


def _sentiment(turn: dict[str, Any]) -> str:
    """VADER's compound score, from -1 to 1, where the turn has one."""
    scores = turn.get("sentiment")
    return f"  [dim]{scores['compound']:+.2f}[/]" if scores else ""


def _clock(at: datetime | str | None) -> str:
    """Local time to the millisecond."""
    if at is None:
        return "?"
    here = (datetime.fromisoformat(at) if isinstance(at, str) else at).astimezone()
    return f"{here:%H:%M:%S}.{here.microsecond // 1000:03d}"

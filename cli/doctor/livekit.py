from __future__ import annotations

import time
from email.utils import parsedate_to_datetime

import httpx2

from cli.doctor.next_steps import next_step
from cli.report import Report


def look_at_livekit(report: Report, url: str, *, is_ours: bool) -> float | None:
    """Can a caller on this machine get there? How far its clock is ahead of ours, in seconds."""
    name = "LiveKit from here"
    http_url = "http" + url[2:] if url.startswith("ws") else url
    begun = time.time()
    try:
        answer = httpx2.get(http_url, timeout=5.0)
    except (httpx2.TransportError, httpx2.InvalidURL) as trouble:
        why = str(trouble).rstrip(".") or type(trouble).__name__
        step = next_step("livekit_public", is_ours=is_ours)
        report.fail(name, f"{url} cannot be reached: {why}", step)
        return None
    here = (begun + time.time()) / 2
    if answer.status_code != 200:
        report.fail(
            name,
            f"{url} answered {answer.status_code}, which LiveKit does not",
            next_step("livekit_public", is_ours=is_ours),
        )
        return None
    report.ok(name, url)
    try:
        # Whole seconds, cut off.
        return parsedate_to_datetime(answer.headers.get("Date", "")).timestamp() + 0.5 - here
    except ValueError:
        return None

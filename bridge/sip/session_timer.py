"""Session timers (RFC 4028): who refreshes, how often, and the end when nobody does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from bridge.sip.core import Timer
from bridge.sip.events import CallEnd
from bridge.sip.grammar import parameters
from bridge.sip.message import Request, Response

if TYPE_CHECKING:
    from bridge.sip.call import Call

_LONGEST = 24 * 3600
_MARGIN = 32.0
_MOST_OFTEN = 1.0


def seconds_of(value: str | None) -> int | None:
    """Of Session-Expires or Min-SE; None for what is no number."""
    text = (value or "").partition(";")[0].strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def refresher_of(value: str | None) -> str | None:
    try:
        return (parameters((value or "").partition(";")[2]).get("refresher") or "").lower() or None
    except ValueError:
        return None


class SessionTimer:
    def __init__(self, call: Call) -> None:
        self._call = call
        self._interval = call.core.settings.session_expires
        self._least = call.core.settings.min_session
        self._refresher: Literal["us", "them"] | None = None
        self._timers: list[Timer] = []

    def request_headers(self) -> dict[str, str]:
        """For our INVITE and UPDATE: as it stands, the sender being the RFC's `uac`."""
        if self._interval is None:
            return {}
        who = {"us": ";refresher=uac", "them": ";refresher=uas", None: ""}[self._refresher]
        return {"Session-Expires": f"{self._interval}{who}", "Min-SE": str(self._least)}

    def accept_headers(self, request: Request) -> dict[str, str]:
        """For our 2xx: their interval, and the refresher they name, else they, if they can."""
        value = request.headers.get("Session-Expires")
        interval = seconds_of(value)
        if interval is None or interval < self._call.core.settings.min_session:
            # Who cannot be told by 422 that it is too short is not held to it (section 9).
            self._begin(None, None)
            return {}
        interval = min(interval, _LONGEST)
        named = refresher_of(value)
        if not _has_timer(request):
            self._begin(interval, "us")
            return {"Session-Expires": f"{interval};refresher=uas"}
        self._begin(interval, "us" if named == "uas" else "them")
        who = "uas" if named == "uas" else "uac"
        return {"Session-Expires": f"{interval};refresher={who}", "Require": "timer"}

    def answered(self, response: Response) -> None:
        """A 2xx to our INVITE or UPDATE: without the header there is no session timer."""
        value = response.headers.get("Session-Expires")
        interval = seconds_of(value)
        if interval is None or interval < 1:
            self._begin(None, None)
        else:
            who: Literal["us", "them"] = "them" if refresher_of(value) == "uas" else "us"
            self._begin(min(interval, _LONGEST), who)

    def raise_interval(self, response: Response) -> bool:
        """After a 422: whether there is a longer one to try (section 7.3)."""
        least = seconds_of(response.headers.get("Min-SE"))
        if least is None or not self._least < least <= _LONGEST:
            return False
        self._least = least
        self._interval = max(self._interval or 0, least)
        return True

    def stop(self) -> None:
        for timer in self._timers:
            timer.cancel()
        self._timers = []

    def _begin(self, interval: int | None, refresher: Literal["us", "them"] | None) -> None:
        self.stop()
        self._interval, self._refresher = interval, refresher
        if interval is None:
            return
        core = self._call.core
        # Section 10: whoever finds the session not refreshed says BYE a little before its end;
        # our own refresh has until the end.
        if refresher == "us":
            refresh = max(interval / 2, _MOST_OFTEN)
            self._timers.append(core.after(refresh, self._call.offers.refresh))
            self._timers.append(core.after(max(interval, 2 * refresh), self._expired))
        else:
            self._timers.append(core.after(interval - min(_MARGIN, interval / 3), self._expired))

    def _expired(self) -> None:
        call = self._call
        call.leave(
            CallEnd("network", "session-expired", True, call.setup.status),
            {"Reason": 'SIP;cause=408;text="Session timer expired"'},
        )


def _has_timer(request: Request) -> bool:
    return "timer" in [each.lower() for each in (*request.supported, *request.require)]


def headers_if_too_short(request: Request, least: int) -> dict[str, str] | None:
    """Headers of a 422, when they want a session shorter than ours may be (section 6)."""
    wanted = seconds_of(request.headers.get("Session-Expires"))
    if wanted is not None and wanted < least and _has_timer(request):
        return {"Min-SE": str(least)}
    return None

from __future__ import annotations

from cli.report import Report

# The API signs what LiveKit judges by its own clock, and the other way round: a web call's token
# is good for ten minutes, a webhook's for five.
_FATAL, _NOTABLE = 120.0, 5.0


def compare_clocks(report: Report, api_ahead: float, livekit_ahead: float | None) -> None:
    """Both against ours, in seconds; tokens need those two to agree, people all three."""
    told = f"the API's is {_against_here(api_ahead)}"
    if livekit_ahead is not None:
        told += f", LiveKit's {_against_here(livekit_ahead)}"
        apart = abs(api_ahead - livekit_ahead)
        if apart > _FATAL:
            report.fail(
                "clocks",
                f"{told}: tokens and webhooks of one are refused by the other",
                "Have both keep time by NTP (`timedatectl`).",
            )
            return
        if apart > _NOTABLE:
            report.warn("clocks", told, "Have API and LiveKit keep time by NTP (`timedatectl`).")
            return
    if abs(api_ahead) > _NOTABLE:
        report.warn("clocks", told, "Have this machine and the API keep time by NTP.")
        return
    report.ok("clocks", told)


def _against_here(ahead: float) -> str:
    # LiveKit tells whole seconds only, so less than one says nothing.
    if abs(ahead) < 1.0:
        return "as here"
    return f"{abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} ours"

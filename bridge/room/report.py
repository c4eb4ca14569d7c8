"""A leg's end, as the Call Service is told."""

from __future__ import annotations

from typing import Any

from bridge.legs import LegEnd
from bridge.rtp import Quality
from contract.phone import LegReport


def report_of(end: LegEnd) -> LegReport:
    return LegReport(
        reason=end.reason,
        by=end.by,
        detail=end.detail,
        answered=end.answered,
        ended_at=end.ended_at,
        answered_at=end.answered_at,
        ringing_at=end.ringing_at,
        sip_status=end.sip_status,
        sip_phrase=end.phrase,
        reason_header=end.reason_header or "",
        quality=figures(end.quality),
    )


def figures(quality: Quality | None) -> dict[str, Any]:
    """Rounded, for JSON; what is not known is left out."""
    if quality is None:
        return {}
    all_of_them = {name: getattr(quality, name) for name in quality.__dataclass_fields__}
    return {
        name: round(figure, 2) if isinstance(figure, float) else figure
        for name, figure in all_of_them.items()
        if figure is not None
    }

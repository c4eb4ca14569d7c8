"""The garbage collector's manners in a process with many calls."""

from __future__ import annotations

import gc

from bridge.rtp.collecting import collect_rarely


def test_what_was_imported_is_not_looked_through_again() -> None:
    before = gc.get_threshold()
    try:
        collect_rarely()
        assert gc.get_freeze_count() > 1000
        assert gc.get_threshold() > before
        assert gc.isenabled()
    finally:
        gc.unfreeze()
        gc.set_threshold(*before)

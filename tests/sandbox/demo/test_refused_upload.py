"""The verdict over the healed recording must be able to be bad."""

from __future__ import annotations

import hashlib
from dataclasses import replace

from sandbox.demo.record import Record
from sandbox.demo.refused_upload import Retry, retry_faults

AUDIO = b"OggS and so on"
HEALED = Record({}, [], {"status": "ready", "sha256": hashlib.sha256(AUDIO).hexdigest()}, AUDIO)
RETRY = Retry(
    failed={"status": "needs_attention", "detail": "S3 answered 403."},
    command="switchboard recordings retry call_1",
    code=0,
    told={"status": "ready", "detail": "The recording is whole: 3.0 s."},
)


def test_a_recording_that_failed_and_was_healed_has_no_fault() -> None:
    assert list(retry_faults(RETRY, HEALED)) == []


def test_each_fault_is_a_sentence() -> None:
    never_failed = replace(RETRY, failed={"status": "ready"})
    lost = replace(RETRY, code=1, told={"status": "lost", "detail": "It is nowhere."})
    another = replace(HEALED, audio=b"something else")
    assert ["needs_attention" in fault for fault in retry_faults(never_failed, HEALED)] == [True]
    assert ["It is nowhere." in fault for fault in retry_faults(lost, HEALED)] == [True]
    assert ["SHA-256" in fault for fault in retry_faults(RETRY, another)] == [True]

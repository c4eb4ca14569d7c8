"""atheris target: descriptions. `python -m tests.fuzz.sdp [libFuzzer's options]`."""

from __future__ import annotations

import sys
from contextlib import suppress

import atheris

with atheris.instrument_imports(include=["bridge.sdp", "sdp_transform"]):
    from bridge.sdp import LocalMedia, Negotiation, NothingInCommon, SdpError

_OURS = LocalMedia("192.0.2.10", 30000, srtp="accepted")


def one_input(data: bytes) -> None:
    """As an offer in a call and as the answer to an offer: refused with a sentence, or in order."""
    text = data.decode("utf-8", "replace")
    answering, offering = Negotiation(_OURS), Negotiation(_OURS)
    offering.offer()
    try:
        answer = answering.answer_to(text)
    except (SdpError, NothingInCommon) as error:
        if answering.current is not None or not str(error).endswith("."):
            raise RuntimeError("no sentence, or half an answer") from error
    else:
        # What we say is understood, at least by ourselves.
        Negotiation(_OURS).answer_to(answering.offer())
        assert answer.startswith("v=0\r\n")
    with suppress(SdpError, NothingInCommon):
        offering.accept_answer(text)


if __name__ == "__main__":
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()

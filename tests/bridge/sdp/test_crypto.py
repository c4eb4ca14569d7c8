"""SRTP's keys in the description: RFC 4568."""

from __future__ import annotations

import base64

import pytest

from bridge.sdp import LocalMedia, Negotiation, NothingInCommon, SessionDescription, SrtpPolicy
from bridge.sdp.crypto import Crypto
from tests.bridge.sdp import bodies
from tests.bridge.sdp.bodies import OURS, offer

KEY = bytes(range(30))
INLINE = base64.b64encode(KEY).decode()
GOOD = f"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{INLINE}"


def negotiation(srtp: SrtpPolicy, port: int = 30000) -> Negotiation:
    return Negotiation(LocalMedia("192.0.2.10", port, srtp=srtp))


def secure(*lines: str) -> str:
    return offer(*lines, protocol="RTP/SAVP")


def test_an_encrypted_offer_is_answered_with_the_same_tag_and_a_key_of_ours() -> None:
    ours = negotiation("accepted")
    answer = ours.answer_to(bodies.LINPHONE)
    audio, video = SessionDescription.parse(answer).media
    assert (audio.protocol, audio.formats) == ("RTP/SAVP", ("0", "101"))
    assert [(crypto.tag, crypto.suite) for crypto in audio.cryptos] == [
        (2, "AES_CM_128_HMAC_SHA1_80")
    ]
    assert video.port == 0
    assert ours.current is not None
    assert ours.current.srtp is not None
    assert ours.current.srtp.ours == audio.cryptos[0].key != ours.current.srtp.theirs


def test_two_sides_of_ours_agree_on_keys() -> None:
    one, other = negotiation("required"), negotiation("accepted", 40000)
    one.accept_answer(other.answer_to(one.offer()))
    assert one.current is not None
    assert other.current is not None
    assert one.current.srtp is not None
    assert other.current.srtp is not None
    assert one.current.srtp.suite == other.current.srtp.suite
    assert one.current.srtp.ours == other.current.srtp.theirs
    assert one.current.srtp.theirs == other.current.srtp.ours


def test_a_hold_keeps_both_keys_also_when_the_other_side_resumes() -> None:
    one, other = negotiation("required"), negotiation("accepted", 40000)
    one.accept_answer(other.answer_to(one.offer()))
    assert one.current is not None
    keys = one.current.srtp
    assert one.accept_answer(other.answer_to(one.offer("sendonly"))).srtp == keys
    one.answer_to(other.offer("sendrecv"))
    assert one.current.srtp == keys


def test_a_new_key_of_theirs_brings_a_new_one_of_ours() -> None:
    ours = negotiation("accepted")
    ours.answer_to(secure(GOOD))
    assert ours.current is not None
    first = ours.current.srtp
    ours.answer_to(secure(GOOD.replace(INLINE, base64.b64encode(bytes(30)).decode())))
    assert first is not None
    assert ours.current.srtp is not None
    assert ours.current.srtp.ours != first.ours


def test_no_key_is_ever_shown() -> None:
    ours = negotiation("accepted")
    ours.answer_to(secure(GOOD))
    assert ours.current is not None
    shown = repr(ours.current) + repr(ours.current.srtp) + repr(Crypto(1, "x", KEY))
    assert "\\x01" not in shown
    assert INLINE[:8] not in shown


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("a=x", "without an a=crypto line"),
        ("a=crypto:1 AES_CM_256_HMAC_SHA1_80 inline:x", "'AES_CM_256_HMAC_SHA1_80' is not sup"),
        (GOOD.replace(":1 ", ": "), "tag of a crypto line"),
        (GOOD.replace("inline", "outline"), "is not inline"),
        (GOOD[:-4], "has not 30 bytes"),
        (GOOD.replace("AAEC", "????"), "is not base64"),
        (f"{GOOD}|2^20|1:4", "master key identifier"),
        (f"{GOOD};inline:{INLINE}", "several keys"),
        (f"{GOOD} UNENCRYPTED_SRTP", "Session parameters"),
    ],
)
def test_crypto_lines_of_no_use_are_refused_with_their_reason(line: str, sentence: str) -> None:
    with pytest.raises(NothingInCommon, match=sentence) as refused:
        negotiation("accepted").answer_to(secure(line))
    assert INLINE[:8] not in str(refused.value)


def test_a_lifetime_is_no_reason_to_refuse() -> None:
    ours = negotiation("accepted")
    ours.answer_to(secure(f"{GOOD}|2^31"))
    assert ours.current is not None
    assert ours.current.srtp is not None
    assert ours.current.srtp.theirs == KEY


def test_keys_beside_plain_rtp_change_nothing() -> None:
    """An offer that would encrypt if it could: the answer is plain, as its transport is."""
    ours = negotiation("accepted")
    assert "crypto" not in ours.answer_to(offer(GOOD))
    assert ours.current is not None
    assert ours.current.srtp is None


def test_refusals_by_policy() -> None:
    with pytest.raises(NothingInCommon, match="SRTP is refused here"):
        negotiation("refused").answer_to(secure(GOOD))
    with pytest.raises(NothingInCommon, match="SRTP is required"):
        negotiation("required").answer_to(offer())
    ours = negotiation("required")
    ours.offer()
    with pytest.raises(NothingInCommon, match="changes the transport"):
        ours.accept_answer(offer())
    with pytest.raises(NothingInCommon, match="none that was offered"):
        ours.accept_answer(secure(GOOD.replace("crypto:1", "crypto:9")))
    assert OURS.srtp == "refused"

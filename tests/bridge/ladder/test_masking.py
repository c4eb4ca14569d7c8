from __future__ import annotations

import pytest

from bridge.ladder.masking import mask_number, mask_text


def test_a_number_keeps_its_last_two_digits() -> None:
    assert mask_number("+919876543210") == "+••••••••••10"
    assert mask_number("12") == "12"


@pytest.mark.parametrize(
    "text",
    [
        "sip:+919876543210@10.0.0.2;transport=tcp",
        "<sips:919876543210@carrier.example>",
        "tel:+91-98765-43210",
        '"+91 98765 43210" <sip:anna@10.0.0.2>',
        "sip:9876543210;phone-context=+91@10.0.0.2",
        "sip:%39%38%37%36%35%34%33%32%31%30@10.0.0.2",
        "sip:+919876543210:hush@10.0.0.2",
        "Transferred to 98765.432.10",
        "98765,432,10 and 9_8_7_6_5_4_3_2_1_0",
        "9876\u200b543210",
        "sip:%2B919876543210@10.0.0.2",
    ],
)
def test_no_number_is_left_in_any_of_its_forms(text: str) -> None:
    shown = mask_text(text)
    assert "98765" not in shown
    assert "9_8_7" not in shown
    assert "9876" not in shown
    assert "%39%38%37" not in shown
    assert "hush" not in shown
    assert shown.count("10") >= 1


@pytest.mark.parametrize(
    "text",
    [
        "sip:10.0.0.2:5060;transport=tcp",
        "200 OK (INVITE)",
        "sip:anna@h",
        "at udp://127.0.0.1:53523.",
    ],
)
def test_what_is_no_number_stays(text: str) -> None:
    assert mask_text(text) == text

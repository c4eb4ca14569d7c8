"""Toll fraud (IRSF): calls to numbers that pay their owner. None of these may ever be called."""

from __future__ import annotations

import random

import pytest

from api.phone_numbers import callable_number

# A range of each, as fraud lists and national numbering plans have them; `x` is any digit.
RANGES = {
    "US premium": "+1900xxxxxxx",
    "UK premium 09": "+4490xxxxxxxx",
    "UK premium 098": "+44908xxxxxxx",
    "UK personal numbers": "+4470xxxxxxxx",
    "UK 087": "+44871xxxxxxx",
    "German 0900": "+49900xxxxxxx",
    "German televoting": "+49137xxxxxxx",
    "German 0190, given up": "+49190xxxxxx",
    "French 089": "+3389xxxxxxx",
    "Italian 899": "+39899xxxxxx",
    "Italian 166": "+39166xxxxxx",
    "Spanish 803": "+34803xxxxxx",
    "Spanish 905": "+34905xxxxxx",
    "Dutch 0906": "+31906xxxxxx",
    "Belgian 090": "+3290xxxxxx",
    "Swiss 0900": "+41900xxxxxx",
    "Austrian 0900": "+43900xxxxxx",
    "Danish 90": "+4590xxxxxx",
    "Swedish 0900": "+46900xxxxxx",
    "Norwegian 82": "+4782xxxxxx",
    "Polish 70": "+4870xxxxxxx",
    "Finnish 0700": "+358700xxxxx",
    "Latvian 90": "+37190xxxxxx",
    "Lithuanian 900": "+370900xxxxx",
    "Estonian 90": "+37290xxxxx",
    "Moldovan 90": "+37390xxxxxx",
    "Romanian 90": "+4090xxxxxxx",
    "Russian 803": "+7803xxxxxxx",
    "Ukrainian 0900": "+380900xxxxxx",
    "Turkish 900": "+90900xxxxxxx",
    "Australian 190": "+61190xxxxxxx",
    "New Zealand 0900": "+64900xxxxxx",
    "Japanese 0990": "+81990xxxxxx",
    "Brazilian 0900": "+55900xxxxxxx",
    "Israeli 1-9": "+972190xxxxx",
    "Inmarsat": "+870xxxxxxxxx",
    "universal personal numbers": "+878xxxxxxxxxxxx",
    "Globalstar": "+8818xxxxxxxx",
    "Iridium": "+8816xxxxxxxx",
    "international networks 882": "+882xxxxxxxxx",
    "international networks 883": "+883xxxxxxxxxxxx",
    "international premium rate": "+979xxxxxxxxx",
}
EACH = 25  # of 42 ranges: more than a thousand numbers


@pytest.mark.parametrize("range_", RANGES.values(), ids=list(RANGES))
def test_no_number_of_a_premium_range_is_called(range_: str) -> None:
    digits = random.Random(range_)
    for _ in range(EACH):
        number = "".join(digits.choice("0123456789") if x == "x" else x for x in range_)
        with pytest.raises(ValueError, match=r"premium|prices|too (short|long)|length"):
            callable_number(number)


@pytest.mark.parametrize(
    "number",
    [
        "+12025550123",
        "+18005550123",
        "+15551234567",
        "+442079460123",
        "+447911123456",
        "+448001111111",
        "+493012345",
        "+4915112345678",
        "+33123456789",
        "+33612345678",
        "+390612345678",
        "+34612345678",
        "+31201234567",
        "+31612345678",
        "+41446681800",
        "+43155512345",
        "+48221234567",
        "+79161234567",
        "+79091234567",
        "+912212345678",
        "+919812345678",
        "+918012345678",
        "+61291234567",
        "+81312345678",
        "+5511912345678",
        "+37167123456",
        "+37120123456",
        "+972501234567",
        "+905321234567",
        "+353861234567",
        "+353151234567",
        "+85221234567",
        "+6561234567",
        "+80012345678",
    ],
)
def test_ordinary_numbers_are_called(number: str) -> None:
    assert callable_number(number) == number

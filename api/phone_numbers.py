"""Telephone numbers as clients write them: E.164, and none that must not be called."""

from __future__ import annotations

import re
from typing import Annotated

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberType, ValidationResult
from pydantic import AfterValidator, Field

_E164 = r"^\+[1-9][0-9]{1,14}$"
_LONGEST_EMERGENCY_NUMBER = 6

_WRONG_LENGTH = {
    ValidationResult.TOO_SHORT: "is too short for a number of its country",
    ValidationResult.TOO_LONG: "is too long for a number of its country",
    ValidationResult.INVALID_LENGTH: "has a length that no number of its country has",
    ValidationResult.IS_POSSIBLE_LOCAL_ONLY: "lacks its area code",
}

# ISO 3166-1 alpha-2, as far as a country has telephones.
COUNTRIES = frozenset(phonenumbers.SUPPORTED_REGIONS)


def checked_number(text: str) -> str:
    """Raises ValueError with a sentence.

    A number must be possible, not assigned: ranges are assigned faster than libraries learn of it.
    """
    if _is_emergency(text):
        raise ValueError("is an emergency number; those are never handled here")
    if re.fullmatch(_E164, text) is None:
        raise ValueError("is not in E.164 format: a plus sign, the country's code, the number")
    try:
        number = phonenumbers.parse(text)
    except NumberParseException:
        raise ValueError("does not begin with the code of any country") from None
    length = phonenumbers.is_possible_number_with_reason(number)
    if length in _WRONG_LENGTH:
        raise ValueError(_WRONG_LENGTH[length])
    if phonenumbers.number_type(number) == PhoneNumberType.PREMIUM_RATE:
        raise ValueError("is a premium-rate number; those are never handled here")
    return text


def _is_emergency(text: str) -> bool:
    """Bare, behind a plus sign, or behind the code of its country."""
    digits = text.removeprefix("+")
    if not (digits.isascii() and digits.isdigit()):
        return False
    if len(digits) <= _LONGEST_EMERGENCY_NUMBER and any(
        phonenumbers.is_emergency_number(digits, region)
        for region in phonenumbers.SUPPORTED_SHORT_REGIONS
    ):
        return True
    for code, regions in phonenumbers.COUNTRY_CODE_TO_REGION_CODE.items():
        rest = digits.removeprefix(str(code))
        if rest != digits and len(rest) <= _LONGEST_EMERGENCY_NUMBER:
            return any(phonenumbers.is_emergency_number(rest, region) for region in regions)
    return False


PhoneNumber = Annotated[
    str,
    Field(max_length=32, json_schema_extra={"pattern": _E164, "maxLength": 16}),
    AfterValidator(checked_number),
]


def _checked_country(code: str) -> str:
    if code not in COUNTRIES:
        raise ValueError("is no country with telephones: write two capital letters of ISO 3166-1")
    return code


Country = Annotated[
    str,
    Field(json_schema_extra={"enum": sorted(COUNTRIES)}),
    AfterValidator(_checked_country),
]

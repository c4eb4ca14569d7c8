"""Telephone numbers as clients write them: E.164, and none that must not be called."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Annotated

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberType, ValidationResult
from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from api.premium_numbers import is_of_costly_network, is_premium
from contract.errors import InvalidRequest
from contract.phone import DTMF_KEYS, LONGEST_DTMF, PAUSE, check_dtmf

_E164 = r"^\+[1-9][0-9]{1,14}$"
_LONGEST_EMERGENCY_NUMBER = 6
_NO_COUNTRY = "001"  # phonenumbers' region of codes that belong to the world

_WRONG_LENGTH = {
    ValidationResult.TOO_SHORT: "is too short for a number of its country",
    ValidationResult.TOO_LONG: "is too long for a number of its country",
    ValidationResult.INVALID_LENGTH: "has a length that no number of its country has",
    ValidationResult.IS_POSSIBLE_LOCAL_ONLY: "lacks its area code",
}

# ISO 3166-1 alpha-2, as far as a country has telephones.
COUNTRIES = frozenset(phonenumbers.SUPPORTED_REGIONS)


class CountryNotAllowed(InvalidRequest):
    code = "country-not-allowed"

    def __init__(self, where: str, countries: Collection[str]) -> None:
        super().__init__(
            f"The number is {where}, where the trunk may not call; its `countries` are "
            f"{', '.join(sorted(countries))}."
        )


def checked_number(text: str) -> str:
    """Raises ValueError with a sentence, and a code for each kind of fault.

    A number must be possible, not assigned: ranges are assigned faster than libraries learn of it.
    """
    if _is_emergency(text):
        raise PydanticCustomError(
            "emergency_number", "is an emergency number; those are never handled here"
        )
    if re.fullmatch(_E164, text) is None:
        raise _malformed("is not in E.164 format: a plus sign, the country's code, the number")
    try:
        number = phonenumbers.parse(text)
    except NumberParseException:
        raise _malformed("does not begin with the code of any country") from None
    length = phonenumbers.is_possible_number_with_reason(number)
    if length in _WRONG_LENGTH:
        raise _malformed(_WRONG_LENGTH[length])
    if phonenumbers.number_type(number) == PhoneNumberType.PREMIUM_RATE:
        raise _premium("is a premium-rate number; those are never handled here")
    return text


def callable_number(text: str) -> str:
    """As `checked_number`, and none that may be called only at somebody's price."""
    number = phonenumbers.parse(checked_number(text))
    if is_premium(number):
        raise _premium("is in a range of premium-rate numbers; those are never called")
    if is_of_costly_network(number):
        raise _premium(
            "belongs to a satellite or international network, at prices of its own; those are "
            "never called"
        )
    return text


def check_country(number: str, countries: Collection[str]) -> None:
    """Raises CountryNotAllowed. No countries: everywhere.

    A number that nobody has assigned yet may be of any country that shares its code (+1 has 25),
    so all of them have to be allowed.
    """
    if not countries:
        return
    parsed = phonenumbers.parse(number)
    region = phonenumbers.region_code_for_number(parsed)
    if region is not None:
        if region not in countries:
            where = "of no country" if region == _NO_COUNTRY else f"in {region}"
            raise CountryNotAllowed(where, countries)
        return
    code = parsed.country_code or 0
    if not set(phonenumbers.COUNTRY_CODE_TO_REGION_CODE[code]) <= set(countries):
        raise CountryNotAllowed(f"in no particular one of the countries of +{code}", countries)


def _malformed(sentence: str) -> PydanticCustomError:
    return PydanticCustomError("malformed_number", sentence)


def _premium(sentence: str) -> PydanticCustomError:
    return PydanticCustomError("premium_number", sentence)


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

CallableNumber = Annotated[
    str,
    Field(max_length=32, json_schema_extra={"pattern": _E164, "maxLength": 16}),
    AfterValidator(callable_number),
]


def _checked_keys(digits: str) -> str:
    try:
        return check_dtmf(digits)
    except ValueError as wrong:
        raise PydanticCustomError("malformed_dtmf", "{why}", {"why": str(wrong)}) from None


Keys = Annotated[
    str,
    Field(
        description="Keys of a telephone; `w` waits half a second.",
        examples=["1234#"],
        json_schema_extra={
            "pattern": f"^{PAUSE}*[{DTMF_KEYS.removesuffix(PAUSE)}][{DTMF_KEYS}]*$",
            "maxLength": LONGEST_DTMF,
        },
    ),
    AfterValidator(_checked_keys),
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

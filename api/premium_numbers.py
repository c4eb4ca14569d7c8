"""Numbers whose price is a share of somebody's revenue: the usual aim of toll fraud (IRSF).

`phonenumbers` knows a country's premium ranges, but calls a number unknown that is not assigned
yet, or has a digit too many, and carriers route those all the same. So whatever it does not know
better is judged by its first digits.
"""

from __future__ import annotations

import re

import phonenumbers
from phonenumbers import PhoneNumber, PhoneNumberType

# ITU-T E.164.1, "List of E.164 country codes": Inmarsat, universal personal numbers, satellite
# systems, international networks, and the international premium-rate service.
_NETWORKS_WITH_PRICES_OF_THEIR_OWN = frozenset({870, 878, 881, 882, 883, 979})

_BY_TYPE = frozenset({PhoneNumberType.PREMIUM_RATE, PhoneNumberType.PERSONAL_NUMBER})
_KNOWN_NO_BETTER = frozenset({PhoneNumberType.UNKNOWN, PhoneNumberType.SHARED_COST})

# First digits behind the country's code, by national numbering plans (ITU-T E.129 notifications).
_FIRST_DIGITS = {
    1: r"900",
    7: r"80[39]",
    27: r"86[24-9]",
    30: r"90[19]",
    31: r"90[069]",
    32: r"90|70",
    33: r"8[129]",
    34: r"80[3679]|90[57]|118",
    36: r"9[01]",
    39: r"89|199|144|166",
    40: r"90",
    41: r"90[016]",
    43: r"9[03]",
    44: r"9|70|87",
    45: r"90",
    46: r"9(00|39|44)",
    47: r"82",
    48: r"70",
    49: r"900|190|13[78]|118",
    52: r"900",
    55: r"[359]00",
    57: r"190",
    58: r"900",
    60: r"1?600",
    61: r"190?[01256]",
    62: r"809",
    64: r"900",
    65: r"1900",
    66: r"1900",
    81: r"990",
    82: r"60",
    84: r"1900",
    90: r"900|898",
    351: r"6(0[1-9]|4[68])|760",
    352: r"90",
    353: r"15",
    357: r"90",
    358: r"[67]00",
    359: r"90",
    370: r"90",
    371: r"90",
    372: r"90",
    373: r"90",
    380: r"900",
    381: r"90|78",
    385: r"6[01]",
    386: r"90",
    420: r"90",
    421: r"9[078]0",
    852: r"900",
    886: r"20[34]",
    971: r"900",
    972: r"19|900",
}


def is_premium(number: PhoneNumber) -> bool:
    kind = phonenumbers.number_type(number)
    if kind in _BY_TYPE:
        return True
    first_digits = _FIRST_DIGITS.get(number.country_code or 0)
    if first_digits is None or kind not in _KNOWN_NO_BETTER:
        return False
    digits = phonenumbers.national_significant_number(number)
    return re.match(first_digits, digits) is not None


def is_of_costly_network(number: PhoneNumber) -> bool:
    return number.country_code in _NETWORKS_WITH_PRICES_OF_THEIR_OWN

"""Numbers as a ladder shows them: the last two digits, enough to tell two calls apart."""

from __future__ import annotations

import re

_SHOWN = 2
_URI = re.compile(r"(?P<scheme>\b(?:sips?|tel):)(?P<user>[^@;>\s]*)(?=[@;>\s]|$)", re.IGNORECASE)
_DIGIT = re.compile(r"\d")
# Numbers in free text: names to show, reason phrases, Refer-To of a transfer. Addresses and ports
# stay. Between two digits may stand what people write there, and what hides nothing on a screen.
_OCTET = r"(?:25[0-5]|2[0-4]\d|1?\d?\d)"
_BETWEEN = r"[\s\-.()_,/\u200b-\u200d\u2060\ufeff]{0,3}"
_LONG = re.compile(
    rf"(?P<kept>(?<![\d.]){_OCTET}(?:\.{_OCTET}){{3}}(?::\d+)?(?!\.?\d)|(?<=[\w\]]):\d{{1,5}}(?!\d))"
    rf"|\+?\d(?:{_BETWEEN}\d){{4,}}"
)


def mask_number(text: str) -> str:
    """`+919876543210` -> `+••••••••••10`; everything but digits stays."""
    left = len(_DIGIT.findall(text)) - _SHOWN
    masked = []
    for sign in text:
        if sign.isdigit():
            masked.append("•" if left > 0 else sign)
            left -= 1
        else:
            masked.append(sign)
    return "".join(masked)


def mask_uri(text: str) -> str:
    """The user part of every SIP and tel URI in it, whatever else it holds."""

    def _masked(found: re.Match[str]) -> str:
        user = found["user"]
        followed_by_host = text[found.end() : found.end() + 1] == "@"
        if found["scheme"].lower() == "tel:" or followed_by_host:
            # An escaped digit is one (RFC 3261 section 19.1.2), and a name is as personal.
            return found["scheme"] + _mask_user(user)
        return found[0]

    return _URI.sub(_masked, text)


def mask_text(text: str) -> str:
    return _LONG.sub(
        lambda found: found[0] if found["kept"] else mask_number(found[0]), mask_uri(text)
    )


def _mask_user(user: str) -> str:
    name, colon, _password = user.partition(":")
    name = re.sub(r"%3([0-9])", r"\1", name.replace("%2B", "+").replace("%2b", "+"))
    shown = mask_number(name) if len(_DIGIT.findall(name)) > _SHOWN else name
    return shown + (":•" if colon else "")

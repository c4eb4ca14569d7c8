"""SIP messages as they are read and written: sipmessage's, with what it leaves to others.

sipmessage does not unfold headers, wants a reason phrase and UTF-8, and knows no Content-Length.
Of a message that was read, `head` has what every layer looks at, parsed once.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import sipmessage
from sipmessage.message import COMPACT_FORMS

from bridge.sip.flow import Flow
from bridge.sip.framing import END_OF_HEADERS, MessageLimits
from bridge.sip.grammar import NameAddress, Uri, Via, is_token, split

_FOLD = re.compile(r"\r\n[ \t]+")
_START = re.compile(r"([^\s]+) ([^\s]+) (SIP/[0-9]+\.[0-9]+)", re.IGNORECASE)
_STATUS = re.compile(r"(SIP/[0-9]+\.[0-9]+) ([1-6][0-9]{2})(?: (.*))?", re.IGNORECASE)
_CSEQ = re.compile(r"([0-9]{1,10})\s+(\S+)")
_SINGLE = ("From", "To", "Call-ID", "CSeq", "Max-Forwards", "Content-Length", "Content-Type")
_LIMITS = MessageLimits()


class Malformed(ValueError):
    """What was read is wrong. A request that says whom to answer is answered with `status`."""

    def __init__(self, sentence: str, status: int = 400, request: Request | None = None) -> None:
        super().__init__(sentence)
        self.status = status
        self.request = request


@dataclass(frozen=True, slots=True)
class Head:
    vias: tuple[str, ...]
    """Each Via by itself, as written."""
    via: Via
    call_id: str
    cseq: int
    method: str
    """Of the CSeq."""
    from_: NameAddress
    to: NameAddress
    from_tag: str
    """Empty when there is none, as before RFC 3261."""
    to_tag: str


class Request(sipmessage.Request):
    head: Head
    flow: Flow

    def __init__(self, method: str, target: str, body: bytes = b"") -> None:
        self.method = method
        self.target = target
        self.body = body
        self.headers = sipmessage.Headers()

    def __bytes__(self) -> bytes:
        return _bytes(f"{self.method} {self.target} SIP/2.0", self)


class Response(sipmessage.Response):
    head: Head
    flow: Flow

    def __bytes__(self) -> bytes:
        return _bytes(f"SIP/2.0 {self.code} {self.phrase}", self)


def by_name(message: sipmessage.Message) -> dict[str, str]:
    """The first value of every header, by lower-case name."""
    headers = message.headers
    return {name.lower(): headers[name] for name in list(headers.keys())}


def _bytes(start: str, message: sipmessage.Message) -> bytes:
    message.headers.set("Content-Length", str(len(message.body)))
    return f"{start}\r\n{message.headers}".encode("utf-8", "surrogateescape") + message.body


def read(data: bytes, flow: Flow) -> Request | Response:
    """One whole message. Raises Malformed."""
    head, separator, body = data.partition(END_OF_HEADERS)
    if not separator or len(head) > _LIMITS.header_bytes or len(body) > _LIMITS.body_bytes:
        raise Malformed("The message has no end of its headers, or is too long.")
    # What is no UTF-8 goes back to its sender as it came.
    text = head.decode("utf-8", "surrogateescape")
    if "\r\n " in text or "\r\n\t" in text:
        text = _FOLD.sub(" ", text)
    start, *lines = text.split("\r\n")
    if len(lines) > _LIMITS.headers:
        raise Malformed(f"The message has more than {_LIMITS.headers} headers.")
    message, fault = _start(start, body)
    message.flow = flow
    request = message if isinstance(message, Request) else None
    fault = _headers(message, lines) or fault
    try:
        if fault:
            raise fault
        message.head = _head(message)
        _body(message)
    except Malformed as error:
        raise Malformed(str(error), error.status, request) from None
    except (ValueError, KeyError) as error:
        raise Malformed(str(error) or "A header is missing.", 400, request) from None
    return message


def _start(line: str, body: bytes) -> tuple[Request | Response, Malformed | None]:
    if found := _STATUS.fullmatch(line):
        fault = None if found[1].upper() == "SIP/2.0" else Malformed("Another version of SIP.", 505)
        return Response(int(found[2]), found[3] or "", body), fault
    if found := _START.fullmatch(line):
        request = Request(found[1], found[2], body)
        if found[3].upper() != "SIP/2.0":
            return request, Malformed("Another version of SIP.", 505)
        if not is_token(found[1]):
            return request, Malformed("The method is no token.")
        try:
            Uri.parse(found[2])
        except ValueError as error:
            return request, Malformed(str(error))
        return request, None
    # Perhaps a request with one space too many: answered if its headers say whom to answer.
    if line.upper().rstrip().endswith(" SIP/2.0") and not line.upper().startswith("SIP/"):
        method, _, rest = line.partition(" ")
        if is_token(method):
            return Request(method, rest.strip(), body), Malformed("The request line is malformed.")
    raise Malformed("This is no SIP message.")


def _headers(message: Request | Response, lines: list[str]) -> Malformed | None:
    fault = None
    for line in lines:
        name, colon, value = line.partition(":")
        name = name.rstrip(" \t")
        if not colon or not is_token(name):
            fault = Malformed("A header has no name.")
            continue
        if "\r" in value or "\n" in value or "\0" in value:
            # What we echo must not end a line of ours. Such bytes are legal in bodies only.
            fault = Malformed("A header has a line end or a null byte in it.")
            value = re.sub(r"[\r\n\0]", " ", value)
        message.headers.add(COMPACT_FORMS.get(name.lower(), name), value.strip())
    return fault


def _head(message: Request | Response) -> Head:
    headers = message.headers
    for name in _SINGLE:
        if len(headers.getlist(name)) > 1:
            raise Malformed(f"There is more than one {name}.")
    for name in ("Via", "From", "To", "Call-ID", "CSeq"):
        if not headers.get(name):
            raise Malformed(f"There is no {name}.")
    found = _CSEQ.fullmatch(headers["CSeq"])
    if found is None or int(found[1]) >= 1 << 31:
        raise Malformed("CSeq is no number below 2**31 and a method.")
    if isinstance(message, Request) and found[2] != message.method:
        raise Malformed("The method of CSeq is another one than the request's.")
    if len(call_id := headers["Call-ID"]) > 512 or any(map(str.isspace, call_id)):
        raise Malformed("Call-ID is no word.")
    vias = tuple(via for value in headers.getlist("Via") for via in split(value, ","))
    from_, to = NameAddress.parse(headers["From"]), NameAddress.parse(headers["To"])
    return Head(
        vias,
        Via.parse(vias[0]),
        call_id,
        int(found[1]),
        found[2],
        from_,
        to,
        from_.tag or "",
        to.tag or "",
    )


def _body(message: Request | Response) -> None:
    """Of a datagram Content-Length may say less than there is, never more (section 18.3)."""
    length = message.headers.get("Content-Length")
    if length is not None:
        if not (length.isascii() and length.isdigit()) or len(length) > 9:
            raise Malformed("Content-Length is no number of bytes.")
        if int(length) > len(message.body):
            raise Malformed("The body is shorter than Content-Length.")
        message.body = message.body[: int(length)]
    forwards = message.headers.get("Max-Forwards")
    if forwards is not None and not (forwards.isascii() and forwards.isdigit()):
        raise Malformed("Max-Forwards is no number.")

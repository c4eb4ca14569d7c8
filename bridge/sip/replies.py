"""Responses to requests (RFC 3261 section 8.2.6), also to such as are wrong in every other way."""

from __future__ import annotations

from collections.abc import Mapping

from bridge.sip.core import Hop
from bridge.sip.flow import DEFAULT_PORTS, Address, Flow
from bridge.sip.grammar import Via, split
from bridge.sip.message import Request, Response

ALLOW = "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, PRACK, REFER, NOTIFY"
METHODS = tuple(ALLOW.split(", "))
KNOWN_METHODS = frozenset((*METHODS, "REGISTER", "SUBSCRIBE", "PUBLISH", "MESSAGE"))
EXTENSIONS = ("100rel", "timer")
SUPPORTED = "100rel, timer"
ACCEPT = "application/sdp"

PHRASES = {
    100: "Trying",
    180: "Ringing",
    181: "Call Is Being Forwarded",
    182: "Queued",
    183: "Session Progress",
    200: "OK",
    202: "Accepted",
    300: "Multiple Choices",
    301: "Moved Permanently",
    302: "Moved Temporarily",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    406: "Not Acceptable",
    407: "Proxy Authentication Required",
    408: "Request Timeout",
    410: "Gone",
    413: "Request Entity Too Large",
    415: "Unsupported Media Type",
    416: "Unsupported URI Scheme",
    420: "Bad Extension",
    421: "Extension Required",
    422: "Session Interval Too Small",
    469: "Bad Info Package",
    480: "Temporarily Unavailable",
    481: "Call/Transaction Does Not Exist",
    482: "Loop Detected",
    484: "Address Incomplete",
    486: "Busy Here",
    487: "Request Terminated",
    488: "Not Acceptable Here",
    489: "Bad Event",
    491: "Request Pending",
    500: "Server Internal Error",
    501: "Not Implemented",
    503: "Service Unavailable",
    504: "Server Time-out",
    505: "Version Not Supported",
    513: "Message Too Large",
    600: "Busy Everywhere",
    603: "Decline",
    604: "Does Not Exist Anywhere",
    606: "Not Acceptable",
    607: "Unwanted",
}


def phrase_of(status: int) -> str:
    return PHRASES.get(status, "Unknown")


def reply(
    request: Request,
    status: int,
    *,
    name: str,
    tag: str | None = None,
    phrase: str = "",
    headers: Mapping[str, str] | None = None,
    body: str | None = None,
) -> Response:
    """`tag` becomes our tag in To where the request has none there; 100 has never one."""
    response = Response(status, phrase or phrase_of(status), (body or "").encode())
    copied, ours = request.headers, response.headers
    vias = [via for value in copied.getlist("Via") for via in _split(value) if via]
    if vias:
        ours.setlist("Via", [with_source(vias[0], request.flow), *vias[1:]])
    to = copied.get("To") or ""
    if tag and status > 100 and "tag" not in _parameters_of(to):
        to += f";tag={tag}"
    for header, value in (
        ("From", copied.get("From")),
        ("To", to),
        ("Call-ID", copied.get("Call-ID")),
        ("CSeq", copied.get("CSeq")),
        ("Timestamp", copied.get("Timestamp") if status == 100 else None),
    ):
        if value:
            ours.set(header, value)
    ours.set("Server", name)
    for header, value in (headers or {}).items():
        ours.set(header, value)
    if body:
        ours.set("Content-Type", ACCEPT)
    return response


def _split(value: str, separator: str = ",") -> list[str]:
    try:
        return split(value, separator)
    except ValueError:
        return [value]


def _parameters_of(to: str) -> set[str]:
    _, _, rest = to.rpartition(">") if ">" in to else to.partition(";")
    return {part.partition("=")[0].strip().lower() for part in rest.split(";")}


def with_source(via: str, flow: Flow) -> str:
    """Where the request really came from (18.2.1, RFC 3581): `received` always, `rport` if asked.

    What the sender itself claims to have been received from is overwritten.
    """
    sent_by, *parameters = _split(via, ";")
    kept = [sent_by]
    for parameter in parameters:
        name = parameter.partition("=")[0].strip().lower()
        if name == "rport":
            parameter = f"rport={flow.remote.port}"
        if name != "received":
            kept.append(parameter)
    return ";".join([*kept, f"received={flow.remote.host}"])


def way_back(request: Request) -> Hop:
    """The connection it came on; for datagrams the source, at the port that Via says (18.2.2).

    `maddr` is not followed: it would let anybody send our answers to anybody.
    """
    flow = request.flow
    if flow.reliable:
        return Hop.back(flow)
    via: Via = request.head.via
    port = flow.remote.port if "rport" in via.parameters else via.port or DEFAULT_PORTS["udp"]
    return Hop.back(Flow("udp", flow.local, Address(flow.remote.host, port)))


def way_back_anew(request: Request) -> Hop:
    """When the connection is gone: a new one to the source, at the port of Via (18.2.2)."""
    flow, via = request.flow, request.head.via
    port = via.port or DEFAULT_PORTS[flow.transport]
    return Hop(None, flow.transport, Address(flow.remote.host, port))

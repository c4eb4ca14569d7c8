"""A dialog (RFC 3261 section 12): who, in which order, and by which way."""

from __future__ import annotations

import ipaddress

from bridge.sip.core import Core, Hop
from bridge.sip.flow import DEFAULT_PORTS, Address, Flow, Transport
from bridge.sip.grammar import NameAddress, Uri, split
from bridge.sip.message import Request, Response
from bridge.sip.replies import ALLOW, SUPPORTED

_MOST_FLOWS = 4


def contact(core: Core, transport: Transport) -> str:
    """Our Contact on a transport, with `;transport=` where it is not UDP's default."""
    address = core.settings.contacts[transport]
    suffix = "" if transport == "udp" else f";transport={transport}"
    return f"<sip:{core.settings.user}@{address}{suffix}>"


def via(core: Core, transport: Transport, branch: str) -> str:
    address = core.settings.contacts[transport]
    return f"SIP/2.0/{transport.upper()} {address};branch={branch};rport"


class Dialog:
    """One side of it. `local` and `remote` are From and To as on the wire, with their tags."""

    def __init__(
        self,
        core: Core,
        *,
        call_id: str,
        local: str,
        remote: str,
        local_tag: str,
        remote_tag: str,
        local_cseq: int,
        remote_cseq: int | None,
        target: str,
        routes: list[str],
        hop: Hop,
        opened_by_us: bool,
    ) -> None:
        self.call_id = call_id
        self.local, self.remote = local, remote
        self.local_tag, self.remote_tag = local_tag, remote_tag
        self.local_cseq = local_cseq
        self.remote_cseq = remote_cseq
        self.target = target
        self.routes = routes
        self.transport: Transport = hop.transport
        self._flows = [hop.flow] if hop.flow is not None else []
        """Where the far side was heard, the latest last: it may have more than one connection."""
        self.methods: frozenset[str] = frozenset()
        """The far side's Allow."""
        self.contact_is_dead = False
        """Nobody takes connections where the next hop should be."""
        self._core = core
        self._hop = hop
        self._opened_by_us = opened_by_us

    @classmethod
    def of_answer(cls, core: Core, request: Request, response: Response, hop: Hop) -> Dialog:
        """Ours, from an answer with a tag to our INVITE (12.1.2): Record-Route in reverse."""
        headers = request.headers
        way = Hop.back(response.flow) if response.flow.reliable else hop
        dialog = cls(
            core,
            call_id=headers["Call-ID"],
            local=headers["From"],
            remote=response.headers["To"],
            local_tag=response.head.from_tag,
            remote_tag=response.head.to_tag,
            local_cseq=int(headers["CSeq"].split()[0]),
            remote_cseq=None,
            target=contact_of(response) or request.target,
            routes=_routes(response)[::-1],
            hop=way,
            opened_by_us=True,
        )
        dialog.learn(response)
        return dialog

    @classmethod
    def of_invite(cls, core: Core, request: Request, local_tag: str) -> Dialog:
        """Theirs, from an INVITE (12.1.1): Record-Route as it stands."""
        head, headers = request.head, request.headers
        dialog = cls(
            core,
            call_id=head.call_id,
            local=f"{headers['To']};tag={local_tag}",
            remote=headers["From"],
            local_tag=local_tag,
            remote_tag=head.from_tag,
            local_cseq=core.ids.cseq(),
            remote_cseq=head.cseq,
            target=contact_of(request) or head.from_.uri,
            routes=_routes(request),
            hop=Hop.back(request.flow),
            opened_by_us=False,
        )
        dialog.learn(request)
        return dialog

    def learn(self, message: Request | Response) -> None:
        """What any message of the far side may tell: which methods it has."""
        if allowed := message.headers.getlist("Allow"):
            self.methods = frozenset(
                method.strip().upper() for value in allowed for method in value.split(",")
            )

    def refresh(self, message: Request | Response) -> None:
        """A target refresh (12.2): INVITE, UPDATE and their 2xx move the remote target."""
        self.target = contact_of(message) or self.target
        self.learn(message)

    def heard(self, flow: Flow) -> None:
        """Something of the far side came on `flow`."""
        if flow == self.flow or flow.transport != self.transport:
            return
        if flow.reliable:
            self._opened_by_us = False
        if flow in self._flows:
            self._flows.remove(flow)
        self._flows = [*self._flows[-_MOST_FLOWS + 1 :], flow]

    def lost(self, flow: Flow) -> bool:
        """Whether that connection was one of the dialog's; it is used no more."""
        was_ours = flow in self._flows
        if was_ours:
            self._flows.remove(flow)
        return was_ours

    @property
    def flow(self) -> Flow | None:
        """Where our requests go, if it leads to the next hop; None: there is no connection."""
        return self._flows[-1] if self._flows else None

    def in_order(self, request: Request) -> bool:
        """12.2.2: the remote CSeq only grows; what grew is remembered."""
        if self.remote_cseq is not None and request.head.cseq <= self.remote_cseq:
            return False
        self.remote_cseq = request.head.cseq
        return True

    def request(self, method: str, cseq: int | None = None, body: str | None = None) -> Request:
        """Ready but for its body's type. Loose and strict routing by the first route (12.2.1.1)."""
        if cseq is None:
            self.local_cseq += 1
            cseq = self.local_cseq
        target, routes = self.target, list(self.routes)
        if routes and not _is_loose(routes[0]):
            target = NameAddress.parse(routes[0]).uri
            routes = [*routes[1:], f"<{self.target}>"]
        made = Request(method, target, (body or "").encode())
        headers = made.headers
        headers.set("Via", via(self._core, self.next_hop().transport, self._core.ids.branch()))
        if routes:
            headers.setlist("Route", routes)
        headers.set("Max-Forwards", "70")
        headers.set("From", self.local)
        headers.set("To", self.remote)
        headers.set("Call-ID", self.call_id)
        headers.set("CSeq", f"{cseq} {method}")
        if method in ("INVITE", "UPDATE", "REFER", "NOTIFY", "SUBSCRIBE"):
            headers.set("Contact", contact(self._core, self.next_hop().transport))
        headers.set("User-Agent", self._core.settings.name)
        if method in ("INVITE", "UPDATE", "OPTIONS"):
            headers.set("Allow", ALLOW)
            headers.set("Supported", SUPPORTED)
        return made

    def next_hop(self) -> Hop:
        """Where requests go: the first route, or the remote target, by the connection that there
        is when it leads there.

        A connection that the far side opened is used while it lives: it comes from a port that
        nobody listens on, and often from behind a NAT. The same for private addresses named by a
        peer with a public one.
        """
        uri = Uri.parse(NameAddress.parse(self.routes[0]).uri if self.routes else self.target)
        named = (uri.parameters.get("transport") or "").lower()
        transport: Transport = self.transport
        if uri.scheme == "sips":
            transport = "tls"
        elif named in ("udp", "tcp", "tls"):
            transport = named  # type: ignore[assignment]
        if transport not in self._core.settings.contacts:
            transport = self.transport
        host = uri.parameters.get("maddr") or uri.host
        there = Address(host, uri.port or DEFAULT_PORTS[transport])
        if not uri.is_sip or not uri.host:
            return self._hop
        flow = self.flow
        if flow is None:
            return Hop(None, transport, there)
        if self.contact_is_dead or _is_hidden(host, flow.remote.host):
            return Hop.back(flow)
        # Without a port it is the one we talk to, though the URI would say 5060.
        same_host = flow.reliable and uri.port is None and host == flow.remote.host
        leads_there = (
            same_host
            or flow.remote == there
            or (flow.reliable and (not self._opened_by_us or there == self._hop.destination))
        )
        if transport == self.transport and leads_there:
            return Hop.back(flow)
        return Hop(None, transport, there)


def contact_of(message: Request | Response) -> str | None:
    """The URI of the first Contact; None without one, or when it is none we could call."""
    for value in message.headers.getlist("Contact"):
        try:
            address = NameAddress.parse(split(value, ",")[0])
        except ValueError:
            return None
        return address.uri if Uri.parse(address.uri).is_sip else None
    return None


def _routes(message: Request | Response) -> list[str]:
    """As written; what is no address at all is left out."""
    found = []
    for value in message.headers.getlist("Record-Route"):
        try:
            routes = split(value, ",")
            if all(Uri.parse(NameAddress.parse(route).uri).is_sip for route in routes):
                found += routes
        except ValueError:
            continue
    return found


def _is_loose(route: str) -> bool:
    return "lr" in Uri.parse(NameAddress.parse(route).uri).parameters


def _is_hidden(host: str, seen: str) -> bool:
    """Whether `host` is a private address of a peer that we see with a public one."""
    try:
        return ipaddress.ip_address(host).is_private and ipaddress.ip_address(seen).is_global
    except ValueError:
        return False

"""Which transaction a message belongs to, and how many there may be."""

from __future__ import annotations

from collections import Counter

from bridge.sip.core import Core
from bridge.sip.flow import Flow, Outgoing
from bridge.sip.message import Request, Response
from bridge.sip.transactions.client import ClientTransaction
from bridge.sip.transactions.client import Key as ClientKey
from bridge.sip.transactions.server import Key as ServerKey
from bridge.sip.transactions.server import ServerInvite, ServerTransaction, key_of


class Transactions:
    def __init__(self, core: Core) -> None:
        self._core = core
        self._clients: dict[ClientKey, ClientTransaction] = {}
        self._servers: dict[ServerKey, ServerTransaction] = {}
        self._new: dict[tuple[str, str, int, str], ServerTransaction] = {}
        """Those outside of dialogs, by what stays the same when a request comes on two ways."""
        self._per_peer: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._clients) + len(self._servers)

    @property
    def unanswered(self) -> int:
        asking = sum(each.state in ("calling", "proceeding") for each in self._clients.values())
        refusing = sum(
            isinstance(each, ServerInvite) and each.state == "completed"
            for each in self._servers.values()
        )
        return asking + refusing

    def client(self, response: Response) -> ClientTransaction | None:
        return self._clients.get((response.head.via.branch, response.head.method))

    def server(self, request: Request) -> ServerTransaction | None:
        return self._servers.get(key_of(request))

    def cancelled(self, cancel: Request) -> ServerInvite | None:
        """The INVITE that a CANCEL is for (9.2): the same key but for the method."""
        found = self._servers.get((*key_of(cancel)[:-1], "INVITE"))
        return found if isinstance(found, ServerInvite) else None

    def merged(self, transaction: ServerTransaction) -> bool:
        """Whether the same request came before on another way (8.2.2.2)."""
        return self._new.get(self._merge_key(transaction.request)) is not transaction

    @staticmethod
    def _merge_key(request: Request) -> tuple[str, str, int, str]:
        head = request.head
        return head.from_tag, head.call_id, head.cseq, head.method

    def accept(self, request: Request) -> ServerTransaction | None:
        """A new one; None when there are too many already."""
        limits, peer = self._core.settings.limits, request.flow.remote.host
        if len(self) >= limits.transactions or self._per_peer[peer] >= limits.transactions_per_peer:
            return None
        kind = ServerInvite if request.method == "INVITE" else ServerTransaction
        transaction = kind(self._core, self, request)
        self._servers[transaction.key] = transaction
        if not request.head.to_tag:
            self._new.setdefault(self._merge_key(request), transaction)
        self._per_peer[peer] += 1
        return transaction

    def end_server(self, transaction: ServerTransaction) -> None:
        if self._servers.pop(transaction.key, None) is None:
            return
        merge_key = self._merge_key(transaction.request)
        if self._new.get(merge_key) is transaction:
            del self._new[merge_key]
        peer = transaction.request.flow.remote.host
        self._per_peer[peer] -= 1
        if self._per_peer[peer] <= 0:
            del self._per_peer[peer]

    def begin_client(self, transaction: ClientTransaction) -> None:
        self._clients[transaction.key] = transaction

    def end_client(self, transaction: ClientTransaction) -> None:
        if self._clients.get(transaction.key) is transaction:
            del self._clients[transaction.key]

    def flow_lost(self, flow: Flow) -> None:
        for client in list(self._clients.values()):
            if client.hop.flow == flow or (
                client.hop.flow is None
                and (client.hop.transport, client.hop.destination) == (flow.transport, flow.remote)
            ):
                client.flow_lost()
        for server in list(self._servers.values()):
            if server.flow == flow:
                server.flow_lost()

    def sender_of(self, outgoing: Outgoing) -> ClientTransaction | None:
        """Whose request it is; responses and ACKs have no transaction to tell."""
        for client in self._clients.values():
            if client.data == outgoing.data:
                return client
        return None

"""The calls of a user agent, found by their dialogs."""

from __future__ import annotations

import itertools
from collections import Counter
from typing import Literal

from bridge.sip.call import Call
from bridge.sip.core import Core
from bridge.sip.dialog import Dialog
from bridge.sip.events import IncomingCall
from bridge.sip.flow import Flow
from bridge.sip.grammar import Uri
from bridge.sip.message import Request, by_name
from bridge.sip.settings import Credentials
from bridge.sip.setup_in import IncomingSetup
from bridge.sip.setup_out import Dialled, OutgoingSetup
from bridge.sip.transactions.layer import Transactions
from bridge.sip.transactions.server import ServerInvite


class Calls:
    """Ended ones stay for 64*T1: for late 2xx, a BYE that crosses ours, repeated requests."""

    def __init__(self, core: Core, registry: Transactions) -> None:
        self._core = core
        self._registry = registry
        self._calls: dict[tuple[str, str], Call] = {}
        self._per_peer: Counter[str] = Counter()
        self._peers: dict[Call, str] = {}
        self._numbers = itertools.count(1)

    @property
    def active(self) -> tuple[Call, ...]:
        return tuple(call for call in self._calls.values() if call.is_active)

    def find(self, call_id: str, local_tag: str) -> Call | None:
        return self._calls.get((call_id, local_tag))

    def by_call_id(self, call_id: str) -> Call | None:
        return next((call for call in self._calls.values() if call.call_id == call_id), None)

    def has_room(self, flow: Flow) -> bool:
        limits = self._core.settings.limits
        return (
            len(self._calls) < limits.calls
            and self._per_peer[flow.remote.host] < limits.calls_per_peer
        )

    def dial(self, dialled: Dialled, credentials: Credentials | None) -> Call:
        if len(self._calls) >= self._core.settings.limits.calls:
            raise ValueError("There are as many calls as there may be.")
        call = self._new("out", credentials)
        call.call_id, call.local_tag = self._core.ids.call_id(), self._core.ids.tag()
        call.remote = dialled.to
        call.remote_user = call.target_user = Uri.parse(dialled.target).user
        setup = OutgoingSetup(call, dialled)
        call.setup = setup
        self._enter(call, dialled.hop.destination.host)
        setup.start()
        return call

    def answer(self, transaction: ServerInvite, request: Request, offer: str | None) -> Call:
        """A call for their INVITE, told to our user."""
        call = self._new("in", None)
        call.call_id, call.local_tag = request.head.call_id, self._core.ids.tag()
        call.dialog = Dialog.of_invite(self._core, request, call.local_tag)
        call.remote = request.headers["From"]
        call.remote_user = Uri.parse(request.head.from_.uri).user
        call.target_user = Uri.parse(request.target).user
        call.headers = by_name(request)
        setup = IncomingSetup(call, transaction, request, offer)
        call.setup = setup
        self._enter(call, request.flow.remote.host)
        setup.start()
        call.emit(IncomingCall(call, offer))
        return call

    def forget(self, call: Call) -> None:
        if self._calls.pop((call.call_id, call.local_tag), None) is None:
            return
        peer = self._peers.pop(call)
        self._per_peer[peer] -= 1
        if self._per_peer[peer] <= 0:
            del self._per_peer[peer]

    def flow_lost(self, flow: Flow) -> None:
        for call in list(self._calls.values()):
            call.flow_lost(flow)

    def _new(self, direction: Literal["out", "in"], credentials: Credentials | None) -> Call:
        number = next(self._numbers)
        return Call(self._core, self._registry, self, direction, number, credentials)

    def _enter(self, call: Call, peer: str) -> None:
        self._calls[call.call_id, call.local_tag] = call
        self._per_peer[peer] += 1
        self._peers[call] = peer

"""One request of a call with its final answer; when they ask who we are, the request once more."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from bridge.sip.core import Hop
from bridge.sip.message import Request, Response
from bridge.sip.transactions.client import ClientInvite, ClientTransaction, Failure

if TYPE_CHECKING:
    from bridge.sip.call import Call

_MOST_TRIES = 4


class Exchange:
    """`build` makes the request anew for every try: another CSeq, another branch."""

    def __init__(
        self,
        call: Call,
        build: Callable[[], Request],
        on_response: Callable[[Response], None],
        on_failure: Callable[[Failure], None] = lambda failure: None,
        hop: Hop | None = None,
    ) -> None:
        self._call = call
        self._build = build
        self._on_response = on_response
        self._on_failure = on_failure
        self._hop = hop
        self._tries = 0
        self._challenged = False
        self.request: Request
        self.transaction: ClientTransaction
        self._try()

    @property
    def cseq(self) -> int:
        return int(self.request.headers["CSeq"].split()[0])

    def cancel(self, headers: dict[str, str] | None = None) -> None:
        if isinstance(self.transaction, ClientInvite):
            self.transaction.cancel(headers)

    def again(self) -> None:
        """The request once more, changed by whatever `build` knows by now."""
        self._try()

    @property
    def may_try_again(self) -> bool:
        return self._tries < _MOST_TRIES

    def _try(self) -> None:
        self._tries += 1
        call = self._call
        self.request = self._build()
        call.wallet.sign(self.request)
        hop = self._hop or call.next_hop()
        kind = ClientInvite if self.request.method == "INVITE" else ClientTransaction
        self.transaction = kind(
            call.core, call.registry, self.request, hop, self._received, self._on_failure
        )

    def _received(self, response: Response) -> None:
        # These two come from whoever does not know the dialog: no sign of life of the far side.
        if response.code not in (408, 481):
            self._call.heard(response.flow)
        if (
            response.code in (401, 407)
            and self.may_try_again
            and not (self.request.method == "INVITE" and self._call.is_leaving)
            and self._call.wallet.learn(response, asked_before=self._challenged)
        ):
            self._challenged = True
            self._try()
        else:
            self._on_response(response)

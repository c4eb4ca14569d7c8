"""Telling facts to the call's workflow."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import timedelta

from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from contract.facts import FACTS_SIGNAL, Fact
from engine.client import connect
from engine.settings import EngineSettings

log = logging.getLogger(__name__)

_RPC_TIMEOUT = timedelta(seconds=2)
# Trying again cannot change these: the call is over, was never a call, or does not take the fact.
_FINAL = {RPCStatusCode.NOT_FOUND, RPCStatusCode.INVALID_ARGUMENT}


class CallSignals:
    """Connects at the first fact: an agent must come into its room while Temporal is away."""

    def __init__(
        self,
        settings: EngineSettings,
        call_id: str,
        on_over: Callable[[], None] = lambda: None,
        client: Client | None = None,
    ) -> None:
        """`client`: of a process that has one already, for all its calls."""
        self._settings = settings
        self._call_id = call_id
        self._on_over = on_over
        self._client = client

    async def deliver(self, facts: Sequence[Fact]) -> None:
        if self._client is None:
            self._client = await connect(self._settings, lazy=True)
        workflow = self._client.get_workflow_handle(self._call_id)
        try:
            await workflow.signal(
                FACTS_SIGNAL, [fact.to_dict() for fact in facts], rpc_timeout=_RPC_TIMEOUT
            )
        except RPCError as refused:
            if refused.status not in _FINAL:
                raise
            log.info(
                "the workflow takes no more facts",
                extra={
                    "fact": " ".join(fact.kind for fact in facts),
                    "status": refused.status.name,
                },
            )
            if refused.status is RPCStatusCode.NOT_FOUND:
                self._on_over()

"""A workflow that only listens: the facts that agents told it, in order of arrival."""

from __future__ import annotations

from typing import Any

from temporalio import workflow


@workflow.defn
class Listener:
    def __init__(self) -> None:
        self._facts: list[dict[str, Any]] = []
        self._done = False

    @workflow.run
    async def run(self) -> None:
        await workflow.wait_condition(lambda: self._done)

    @workflow.signal(name="facts")
    def take(self, facts: list[dict[str, Any]]) -> None:
        self._facts += facts

    @workflow.signal
    def finish(self) -> None:
        self._done = True

    @workflow.query
    def facts(self) -> list[dict[str, Any]]:
        return self._facts

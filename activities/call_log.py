"""Which call a line of the worker's log is about."""

from __future__ import annotations

from typing import Any

from structlog.contextvars import bound_contextvars
from temporalio import activity, workflow
from temporalio.worker import (
    ActivityInboundInterceptor,
    ExecuteActivityInput,
    Interceptor,
)

from engine.log_contents import call_of_workflow


class CallLog(Interceptor):
    """Every line that an activity logs, its libraries included, carries the call's id."""

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        return _InOneCall(next)


class _InOneCall(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        info = activity.info()
        bound = {"call_id": call_of_workflow(info.workflow_id or ""), "step": info.activity_type}
        with bound_contextvars(**{name: value for name, value in bound.items() if value}):
            return await super().execute_activity(input)


def quiet_temporal() -> None:
    """The SDK's loggers tell the call as fields of a record; not again in its message."""
    workflow.logger.workflow_info_on_message = False
    activity.logger.activity_info_on_message = False

"""How workers run our workflows: sandbox on, our own deterministic code not imported anew for every
call, which is half the CPU time."""

from __future__ import annotations

from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions


def our_sandbox() -> SandboxedWorkflowRunner:
    """For every worker and replayer. Without `contract` in it pydantic does not find the types
    that an activity's result is made of."""
    return SandboxedWorkflowRunner(
        restrictions=SandboxRestrictions.default.with_passthrough_modules("contract", "workflows")
    )

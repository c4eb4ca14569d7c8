from __future__ import annotations

import re

from sandbox.stack import Stack


def job_pid(stack: Stack, call_id: str, role: str = "atlas") -> int:
    """The process of one call's newest agent, as the agent server's log names it."""
    lines = (stack.run_dir / "logs" / f"{role}.log").read_text().splitlines()
    named = [re.search(r"\bpid=(\d+)", line) for line in lines if f"call_id={call_id}" in line]
    pids = [int(found[1]) for found in named if found]
    if not pids:
        raise LookupError(f"{role}'s log names no process for {call_id}.")
    if pids[-1] not in stack.pids(role):  # numbers are reused: never signal somebody else's
        raise LookupError(f"The process {pids[-1]} of {call_id} is gone.")
    return pids[-1]

"""Starts, watches and ends every process of Switchboard on one machine, without containers."""

from sandbox.stack.description import ProcessEntry, StackDescription, StandIn
from sandbox.stack.errors import StackError
from sandbox.stack.parts import Part
from sandbox.stack.stack import Stack, default_run_dir

__all__ = [
    "Part",
    "ProcessEntry",
    "Stack",
    "StackDescription",
    "StackError",
    "StandIn",
    "default_run_dir",
]

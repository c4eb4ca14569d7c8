"""`switchboard calls …` and `switchboard call`."""

from cli.calls import retention as retention  # its commands are of the group
from cli.calls.commands import group
from cli.calls.telephone import add_to

__all__ = ["add_to", "group"]

"""`switchboard calls …`"""

from cli.calls.commands import group

__all__ = ["group"]

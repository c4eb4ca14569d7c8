"""A scripted caller: joins a call's room as a browser would, speaks, and listens with a clock."""

from sandbox.caller.caller import Caller
from sandbox.caller.hearing import Hearing
from sandbox.caller.microphone import Spoken

__all__ = ["Caller", "Hearing", "Spoken"]

from __future__ import annotations


class StackError(Exception):
    """One sentence for the person at the keyboard: what is wrong and how to mend it."""

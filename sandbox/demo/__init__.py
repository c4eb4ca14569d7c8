"""`make demo`: one spoken call on a stack of its own, told while it happens."""

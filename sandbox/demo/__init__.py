"""`make demo`: two spoken calls on a stack of its own, with parts of it killed meanwhile."""

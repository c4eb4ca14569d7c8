"""Ladders: what was said in SIP, as text and as a capture."""

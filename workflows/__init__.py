"""Deterministic code only: the call's story, its recording, the room watch."""

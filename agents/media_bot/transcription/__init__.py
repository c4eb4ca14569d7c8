"""Live transcription: who is heard, by which provider, and what becomes of a sentence."""

"""What outlives every process: calls, timelines, assistants, recordings, bills, keys."""

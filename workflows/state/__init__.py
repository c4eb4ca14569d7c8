"""What a call knows, by topic. No Temporal in here: facts go in, and that is all it takes."""

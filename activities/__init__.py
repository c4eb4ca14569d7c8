"""What the workflows ask for, done in the world outside: one file per outside system."""

"""Media Bot: everything a call needs to hear that is not the AI conversation."""

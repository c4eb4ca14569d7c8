"""Atlas: the AI conversation of a call."""

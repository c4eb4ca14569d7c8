"""The two LiveKit workers, Atlas and Media Bot, and what both share."""

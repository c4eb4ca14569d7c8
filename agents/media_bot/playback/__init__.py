"""What Media Bot plays into a call: hold music, ringback, busy tone, clips."""

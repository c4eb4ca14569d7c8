"""Call Service and Compass: the HTTP API, LiveKit's webhooks, the codec of the Temporal UI."""

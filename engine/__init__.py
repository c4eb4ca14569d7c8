"""The way to the durable engine, for every process that needs it: settings, codec, client."""

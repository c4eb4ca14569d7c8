"""A page for a person with a browser: joins a web call, speaks and listens."""

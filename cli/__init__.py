"""The command line `switchboard`: an API client for people and scripts. Imports only `contract`."""

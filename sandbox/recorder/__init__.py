"""Stands in for LiveKit Egress: its Twirp API, webhooks, states and files, without Chrome."""

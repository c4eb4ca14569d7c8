"""Stands in for livekit-sip: its Twirp API, real SIP calls, a participant of kind SIP in the room.

It knows nothing of Switchboard: no attribute, topic or method of ours is in it
(docs/sandbox_livekit_sip.md).
"""

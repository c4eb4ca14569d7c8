"""LiveKit without media: rooms over LiveKit's own Twirp API, peopled by control requests.

For load that real WebRTC participants would not fit on one machine. Nobody can join it.
"""

"""Our own SIP and RTP leg: signalling, session description, media, and a phone made of them."""

"""The stand-in for a carrier such as Exotel: a SIP peer with a phone behind it."""

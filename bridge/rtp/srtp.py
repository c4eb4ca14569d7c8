"""SRTP and SRTCP (RFC 3711) with keys from the description, by libsrtp."""

from __future__ import annotations

from pylibsrtp import Error, Policy, Session

from bridge.sdp import SrtpKeys

_PROFILES = {
    "AES_CM_128_HMAC_SHA1_80": Policy.SRTP_PROFILE_AES128_CM_SHA1_80,
    "AES_CM_128_HMAC_SHA1_32": Policy.SRTP_PROFILE_AES128_CM_SHA1_32,
}
_REPLAY_WINDOW = 1024  # packets: 20 s


class Srtp:
    """One stream each way. Packets that fail are ValueErrors with a sentence."""

    def __init__(self, keys: SrtpKeys) -> None:
        self.keys = keys
        self._out = _session(keys.suite, keys.ours, Policy.SSRC_ANY_OUTBOUND)
        self._in = _session(keys.suite, keys.theirs, Policy.SSRC_ANY_INBOUND)

    def rekeyed(self, keys: SrtpKeys) -> Srtp:
        """A direction whose key stays keeps its packet counter."""
        other = Srtp(keys)
        if keys.suite == self.keys.suite:
            if keys.ours == self.keys.ours:
                other._out = self._out
            if keys.theirs == self.keys.theirs:
                other._in = self._in
        return other

    def protect(self, packet: bytes) -> bytes:
        return self._out.protect(packet)

    def protect_rtcp(self, packet: bytes) -> bytes:
        return self._out.protect_rtcp(packet)

    def unprotect(self, packet: bytes) -> bytes:
        try:
            return self._in.unprotect(packet)
        except Error as error:
            raise ValueError(f"The SRTP packet does not open: {error}.") from None

    def unprotect_rtcp(self, packet: bytes) -> bytes:
        try:
            return self._in.unprotect_rtcp(packet)
        except Error as error:
            raise ValueError(f"The SRTCP packet does not open: {error}.") from None


def _session(suite: str, key: bytes, stream: int) -> Session:
    policy = Policy(key=key, ssrc_type=stream, srtp_profile=_PROFILES[suite])
    policy.window_size = _REPLAY_WINDOW
    policy.allow_repeat_tx = True
    return Session(policy)

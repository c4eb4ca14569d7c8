"""Media of phone calls: RTP, RTCP, jitter, DTMF, SRTP."""

from bridge.rtp.ports import PortRange, PortsExhausted
from bridge.rtp.quality import Quality, mos
from bridge.rtp.session import MediaSession

__all__ = ["MediaSession", "PortRange", "PortsExhausted", "Quality", "mos"]

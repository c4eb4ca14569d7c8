"""Descriptions as their makers write them; addresses are from the documentation's networks."""

from __future__ import annotations

from bridge.sdp import LocalMedia

OURS = LocalMedia("192.0.2.10", 30000)


def sdp(*lines: str) -> str:
    return "\r\n".join((*lines, ""))


def offer(
    *media: str,
    version: int = 1,
    connection: str = "198.51.100.7",
    formats: str = "0 101",
    port: int = 40000,
    protocol: str = "RTP/AVP",
) -> str:
    """One audio line, with `media` as its attributes."""
    return sdp(
        "v=0",
        f"o=- 42 {version} IN IP4 198.51.100.7",
        "s=-",
        f"c=IN IP4 {connection}",
        "t=0 0",
        f"m=audio {port} {protocol} {formats}",
        "a=rtpmap:101 telephone-event/8000",
        *media,
    )


ASTERISK = sdp(
    "v=0",
    "o=- 1804289383 1804289383 IN IP4 198.51.100.20",
    "s=Asterisk",
    "c=IN IP4 198.51.100.20",
    "t=0 0",
    "m=audio 14776 RTP/AVP 8 0 101",
    "a=rtpmap:8 PCMA/8000",
    "a=rtpmap:0 PCMU/8000",
    "a=rtpmap:101 telephone-event/8000",
    "a=fmtp:101 0-16",
    "a=ptime:20",
    "a=maxptime:150",
    "a=sendrecv",
)

FREESWITCH = sdp(
    "v=0",
    "o=FreeSWITCH 1700000000 1700000001 IN IP4 198.51.100.30",
    "s=FreeSWITCH",
    "c=IN IP4 198.51.100.30",
    "t=0 0",
    "m=audio 23456 RTP/AVP 102 9 0 8 103 101",
    "a=rtpmap:102 opus/48000/2",
    "a=fmtp:102 useinbandfec=1; maxaveragebitrate=30000; maxplaybackrate=48000; ptime=20",
    "a=rtpmap:9 G722/8000",
    "a=rtpmap:0 PCMU/8000",
    "a=rtpmap:8 PCMA/8000",
    "a=rtpmap:103 telephone-event/48000",
    "a=fmtp:103 0-16",
    "a=rtpmap:101 telephone-event/8000",
    "a=fmtp:101 0-16",
    "a=ptime:20",
    "a=rtcp:23457 IN IP4 198.51.100.30",
)

EXOTEL = sdp(  # a session border controller that forwards what a gateway offers
    "v=0",
    "o=Sonus_UAC 871342 113567 IN IP4 203.0.113.50",
    "s=SIP Media Capabilities",
    "c=IN IP4 203.0.113.51",
    "t=0 0",
    "m=audio 18344 RTP/AVP 8 0 18 96",
    "a=rtpmap:8 PCMA/8000",
    "a=rtpmap:0 PCMU/8000",
    "a=rtpmap:18 G729/8000",
    "a=fmtp:18 annexb=no",
    "a=rtpmap:96 telephone-event/8000",
    "a=fmtp:96 0-15",
    "a=sendrecv",
    "a=ptime:20",
)

TWILIO = sdp(
    "v=0",
    "o=root 1234567890 1234567890 IN IP4 203.0.113.60",
    "s=Twilio Media Gateway",
    "c=IN IP4 203.0.113.60",
    "t=0 0",
    "m=audio 11302 RTP/AVP 0 8 101",
    "a=rtpmap:0 PCMU/8000",
    "a=rtpmap:8 PCMA/8000",
    "a=rtpmap:101 telephone-event/8000",
    "a=fmtp:101 0-16",
    "a=silenceSupp:off - - - -",
    "a=ptime:20",
    "a=sendrecv",
)

THREE_CX = sdp(
    "v=0",
    "o=3cxPS 393484304384 167654752257 IN IP4 198.51.100.70",
    "s=3cxPS Audio call",
    "c=IN IP4 198.51.100.70",
    "t=0 0",
    "m=audio 9024 RTP/AVP 0 8 9 18 101",
    "a=rtpmap:0 PCMU/8000",
    "a=rtpmap:8 PCMA/8000",
    "a=rtpmap:9 G722/8000",
    "a=rtpmap:18 G729/8000",
    "a=rtpmap:101 telephone-event/8000",
    "a=fmtp:101 0-15",
    "a=sendrecv",
)

CISCO = sdp(  # no rtpmap for static types, attributes of its own, rtcp elsewhere
    "v=0",
    "o=CiscoSystemsCCM-SIP 2000 1 IN IP4 198.51.100.80",
    "s=SIP Call",
    "c=IN IP4 198.51.100.81",
    "b=TIAS:64000",
    "b=AS:64",
    "t=0 0",
    "m=audio 24580 RTP/AVP 0 97",
    "b=RS:0",
    "b=RR:2000",
    "a=label:1",
    "a=rtcp:24999 IN IP4 198.51.100.82",
    "a=rtpmap:97 telephone-event/8000",
    "a=fmtp:97 0-15",
    "a=X-cisco-media:umid",
)

LINPHONE = sdp(  # encrypted, with video behind the audio
    "v=0",
    "o=anna 3851 2077 IN IP4 198.51.100.90",
    "s=Talk",
    "c=IN IP4 198.51.100.90",
    "t=0 0",
    "a=rtcp-xr:rcvr-rtt=all:10000 stat-summary=loss,dup,jitt,TTL voip-metrics",
    "m=audio 7078 RTP/SAVP 96 0 8 101",
    "a=rtpmap:96 opus/48000/2",
    "a=rtpmap:101 telephone-event/8000",
    "a=crypto:1 AEAD_AES_128_GCM inline:bQqzcCqHnPRaUU8NDgxG9FETcKs9cMg7S3GeQQ==",
    "a=crypto:2 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj|2^31",
    "a=crypto:3 AES_CM_128_HMAC_SHA1_32 inline:NzB4d1BINUAvLEw6UzF3WSJ+PSdFcGdUJShpX1Zj",
    "a=rtcp-mux",
    "m=video 9078 RTP/SAVP 97",
    "a=rtpmap:97 H264/90000",
    "a=fmtp:97 profile-level-id=42801F",
)

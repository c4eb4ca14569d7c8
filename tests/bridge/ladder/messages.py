"""SIP messages as a call has them."""

from __future__ import annotations

SDP = (
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    "m=audio 20000 RTP/AVP 0 8 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\n"
    "a=rtpmap:101 telephone-event/8000\r\na=sendrecv\r\n"
)


def message(first: str, *headers: str, body: str = "") -> bytes:
    if body:
        headers += ("Content-Type: application/sdp",)
    lines = (first, *headers, f"Content-Length: {len(body)}", "", body)
    return "\r\n".join(lines).encode()


INVITE = message(
    "INVITE sip:+919876543210@10.0.0.2;transport=tcp SIP/2.0",
    "From: <sip:+918012345678@10.0.0.1>;tag=1",
    "To: <sip:+919876543210@10.0.0.2>",
    "Call-ID: abc@10.0.0.1",
    "CSeq: 1 INVITE",
    body=SDP,
)
OK = message(
    "SIP/2.0 200 OK", "i: abc@10.0.0.1", "CSeq: 1 INVITE", body=SDP.replace("sendrecv", "recvonly")
)
BYE = message("BYE sip:10.0.0.2 SIP/2.0", "CSeq: 2 BYE", 'Reason: Q.850;cause=16;text="bye"')

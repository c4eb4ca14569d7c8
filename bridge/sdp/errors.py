"""What can be wrong with a description, and which SIP answer that is worth."""

from __future__ import annotations


class SdpError(ValueError):
    """The text is no SDP, or breaks a limit. The message is one sentence; worth a 400."""

    sip_status = 400


class NothingInCommon(ValueError):
    """The description is in order, but no stream in it can be had. One sentence; worth a 488."""

    sip_status = 488

"""Outbound trunks, as long as the process lives."""

from __future__ import annotations

from livekit.protocol.sip import (
    CreateSIPOutboundTrunkRequest,
    DeleteSIPTrunkRequest,
    ListSIPOutboundTrunkRequest,
    ListSIPOutboundTrunkResponse,
    SIPOutboundTrunkInfo,
    SIPTrunkInfo,
)

from sandbox.twirp import TwirpError, new_id


class Trunks:
    def __init__(self) -> None:
        self._trunks: dict[str, SIPOutboundTrunkInfo] = {}

    async def create(self, asked: CreateSIPOutboundTrunkRequest) -> SIPOutboundTrunkInfo:
        if not asked.trunk.address:
            raise TwirpError("invalid_argument", "no trunk address specified")
        if not asked.trunk.numbers:
            raise TwirpError("invalid_argument", "no trunk numbers specified")
        trunk = SIPOutboundTrunkInfo()
        trunk.CopyFrom(asked.trunk)
        trunk.sip_trunk_id = new_id("ST")
        self._trunks[trunk.sip_trunk_id] = trunk
        return trunk

    async def list(self, asked: ListSIPOutboundTrunkRequest) -> ListSIPOutboundTrunkResponse:
        wanted, numbers = set(asked.trunk_ids), set(asked.numbers)
        return ListSIPOutboundTrunkResponse(
            items=[
                trunk
                for trunk in self._trunks.values()
                if (not wanted or trunk.sip_trunk_id in wanted)
                and (not numbers or numbers & set(trunk.numbers))
            ]
        )

    async def delete(self, asked: DeleteSIPTrunkRequest) -> SIPTrunkInfo:
        trunk = self.of(asked.sip_trunk_id)
        del self._trunks[asked.sip_trunk_id]
        return SIPTrunkInfo(
            sip_trunk_id=trunk.sip_trunk_id,
            kind=SIPTrunkInfo.TRUNK_OUTBOUND,
            name=trunk.name,
            metadata=trunk.metadata,
        )

    def of(self, trunk_id: str) -> SIPOutboundTrunkInfo:
        """Raises TwirpError."""
        try:
            return self._trunks[trunk_id]
        except KeyError:
            words = "twirp error unknown: requested sip trunk does not exist"
            raise TwirpError("not_found", words) from None

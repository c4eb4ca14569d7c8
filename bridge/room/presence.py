"""Everything by which a phone is in its room: seat, sound, attributes, methods, heartbeat."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence

from livekit import rtc
from livekit.rtc.participant import PublishTrackError

from bridge.room.access import LiveKitAccess
from bridge.room.attributes import Attributes
from bridge.room.errors import LiveKitAway
from bridge.room.hearing import Hearing
from bridge.room.heartbeat import Heartbeat
from bridge.room.hold import RemoteHold, Repair
from bridge.room.options import RoomLegOptions
from bridge.room.order import RoomCall
from bridge.room.rpc import Method, RpcMethods
from bridge.room.seat import Seat
from bridge.room.sound import Sound
from bridge.sdp import Codec
from contract.identity import PHONE_IDENTITY
from contract.rooms import Attribute, SipAttribute, Topic

# Whoever orders a call may not say in them what is ours to say.
_OURS = ("sip.", "call.", "media.", "stt.")


class Presence:
    """`enter`, `serve` once there is a leg, `leave`."""

    def __init__(
        self,
        access: LiveKitAccess,
        call: RoomCall,
        codecs: Sequence[Codec],
        options: RoomLegOptions,
    ) -> None:
        """`codecs`: those that the call may come to have, the best first."""
        self.seat = Seat(access, call.room_name, call.call_id)
        self.hold = RemoteHold()
        self.on_repair: Callable[[Repair], None] | None = None
        self.sound = Sound(self.seat.room, [codec.sample_rate for codec in codecs])
        self.attributes = Attributes(
            lambda values: access.write_attributes(call.room_name, values), self.hold
        )
        self._call = call
        self._options = options
        self._hearing = Hearing(self.seat.room, self.sound.earpiece)
        self._heartbeat = Heartbeat(self.seat.room, options.heartbeat)
        self._rpc: RpcMethods | None = None

    async def enter(self) -> None:
        """Raises NotDialled; `leave` is due then as well."""
        await self.seat.take(_attributes_at_first(self._call), self._options.join_patience)
        self.attributes.start()
        self.seat.room.on("participant_attributes_changed", self._changed)
        stands = self.seat.room.local_participant.attributes.get(Attribute.CALL_HOLD)
        if stands is not None:  # written in the moment of our joining
            self.hold.seen(stands)
        self.seat.on_back = self._back
        # While it rings already: LiveKit lets no frame of a track out before somebody listens.
        self._hearing.start()
        try:
            async with asyncio.timeout(self._options.join_patience):
                await self.sound.publish()
        except (PublishTrackError, TimeoutError) as error:
            why = type(error).__name__
            raise LiveKitAway(f"LiveKit did not take the phone's sound ({why}).") from None
        self._heartbeat.start()
        self.seat.still_there()

    def serve(self, methods: Mapping[str, Method]) -> None:
        self._rpc = RpcMethods(self.seat.room, methods)
        self._rpc.start()

    def announce_hold(self, also: Mapping[str, str] | None = None) -> None:
        """By attribute and by topic, both in this turn of the loop."""
        text = self.hold.text
        self.attributes.set({Attribute.CALL_HOLD.value: text, **(also or {})})
        self.seat.send(Topic.CALL_HOLD if self.hold.state.is_held else Topic.CALL_RESUME, text)

    async def settled(self) -> None:
        """Once the room has been told all."""
        if self.seat.gone is None:
            await self.attributes.settled()

    async def answered(self, patience: float) -> None:
        """Once nobody waits for an answer of ours."""
        if self._rpc is not None and self.seat.gone is None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(patience):
                    await self._rpc.idle()

    async def leave(self) -> None:
        """From whatever point `enter` came to; safe to repeat."""
        self.on_repair = None
        async with contextlib.AsyncExitStack() as stack:  # each of them, whatever another does
            stack.push_async_callback(self.seat.leave)
            stack.push_async_callback(self.sound.aclose)
            stack.push_async_callback(self.attributes.aclose)
            stack.callback(self.seat.room.off, "participant_attributes_changed", self._changed)
            stack.callback(self._hearing.close)
            stack.push_async_callback(self._heartbeat.aclose)
            if self._rpc is not None:
                stack.callback(self._rpc.close)
                self._rpc = None

    def _changed(self, changed: Mapping[str, str], participant: rtc.Participant) -> None:
        if participant.identity != PHONE_IDENTITY or Attribute.CALL_HOLD not in changed:
            return
        repair = self.hold.seen(changed[Attribute.CALL_HOLD])
        if repair is not None:
            self.announce_hold()
            if self.on_repair is not None:
                self.on_repair(repair)

    def _back(self) -> None:
        self.attributes.again()
        self._hearing.review()


def _attributes_at_first(call: RoomCall) -> dict[str, str]:
    """What livekit-sip says before anybody has answered (livekit_observed.md section 1)."""
    theirs = {name: text for name, text in call.attributes.items() if not name.startswith(_OURS)}
    return theirs | {
        SipAttribute.CALL_ID.value: call.call_id,
        SipAttribute.CALL_STATUS.value: "dialing",
        SipAttribute.TRUNK_ID.value: call.trunk_id,
        SipAttribute.TRUNK_PHONE_NUMBER.value: call.from_number,
        SipAttribute.PHONE_NUMBER.value: call.to_number,
        SipAttribute.HOSTNAME.value: call.hostname,
    }

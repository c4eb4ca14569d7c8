"""All phone legs of a process: their sockets, their user agent, their ports."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

import structlog

from bridge import sip
from bridge.addresses import AddressError, Listen, check_offered, in_uri, own_address
from bridge.ladder.record import SipTap
from bridge.legs.agent_settings import agent_settings
from bridge.legs.core import LegCore
from bridge.legs.leg import Leg
from bridge.legs.options import BridgeOptions
from bridge.legs.target import Target
from bridge.rtp import MediaSession
from bridge.sdp import Codec, LocalMedia, MediaAddress, Negotiation, NothingInCommon, SdpError
from bridge.transport import Driver, Sources, Transports

MediaTap = Callable[[bool, bytes, MediaAddress, MediaAddress], None]

log = structlog.get_logger()


class BridgeClosing(RuntimeError):
    """No new calls: the bridge is being shut down."""


class Bridge:
    """`start`, then `dial` or wait for `on_incoming`; `aclose` says goodbye to every call."""

    def __init__(self, options: BridgeOptions | None = None) -> None:
        self.options = options or BridgeOptions()
        self.on_incoming: Callable[[Leg], None] | None = None
        """Gets each call that comes in, at once: to `ring`, `accept` or `reject` it."""
        self.sip_taps: list[SipTap] = []
        self.media_tap: MediaTap | None = None
        """(sent, packet, local, remote) of every RTP packet of calls that begin from now on."""
        self.listening: tuple[Listen, ...] = ()
        self.address = ""
        """Ours, as peers are told."""
        self.agent: sip.UserAgent
        self.transports: Transports
        self._driver: Driver
        self._legs: dict[str, Leg] = {}
        self._called: dict[str, tuple[sip.Transport, sip.Address]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._closing = False
        self._empty = asyncio.Event()
        self._closed: asyncio.Task[None] | None = None

    @property
    def legs(self) -> tuple[Leg, ...]:
        return tuple(self._legs.values())

    async def start(self) -> None:
        """Raises OSError when an address or port cannot be used."""
        options = self.options
        self._driver = Driver(self._event, self._unreachable, self._lost, self.sip_taps)
        self.transports = Transports(
            self._driver,
            limits=options.connections,
            sources=Sources(options.allowed_sources),
            tls=options.tls,
        )
        try:
            places = [await self.transports.listen(place) for place in options.listen]
        except BaseException:
            await self.transports.aclose()
            raise
        self.listening = tuple(places)
        self.address = options.advertised_ip or own_address(places[0].host)
        self.agent = sip.UserAgent(agent_settings(options, self.address, self.listening))
        self._driver.start(self.agent, self.transports)

    async def aclose(self) -> None:
        """Every call gets its BYE, and `drain` seconds to confirm it. Safe to repeat."""
        self._closing = True
        if not self.listening:
            return
        if self._closed is None:
            self._closed = asyncio.create_task(self._close())
        await asyncio.shield(self._closed)

    async def _close(self) -> None:
        for leg in self.legs:
            leg.hang_up("shutdown", "This end is being shut down.")
        try:
            async with asyncio.timeout(self.options.drain):
                while self._legs:
                    self._empty.clear()
                    await self._empty.wait()
                await self._driver.quiet()  # a BYE that gets lost is sent again
        except TimeoutError:
            log.info("requests_unanswered_at_the_end", number=self.agent.unanswered)
        self._driver.close()
        await self.transports.aclose()
        self._abandon()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _abandon(self) -> None:
        """What is left of calls whose far sides do not confirm their end."""
        for leg in self.legs:
            reason = "hung-up" if leg.state == "answered" else "cancelled"
            leg.finish(sip.CallEnd("us", reason, leg.state == "answered"))

    async def dial(
        self,
        target: str,
        *,
        caller: str | None = None,
        headers: Mapping[str, str] | None = None,
        credentials: sip.Credentials | None = None,
        codecs: tuple[Codec, ...] = (),
        ringing_timeout: float | None = None,
        max_duration: float | None = None,
        accept_transfers: bool | None = None,
        delayed_offer: bool = False,
    ) -> Leg:
        """Sends the INVITE. Raises ValueError for a target or an address that cannot be, OSError
        for a name without an address, PortsExhausted; nothing was sent then. `codecs`: this call's,
        the best first; none: those of the bridge."""
        wanted = Target.parse(target)
        host = await self.transports.names.look_up(wanted.host, like=self.address)
        check_offered(self.address, host)
        media = await self.open_media()
        if self._closing:  # meanwhile
            await media.aclose()
            raise BridgeClosing("The bridge is being shut down.")
        negotiation = Negotiation(self._local_media(media.local_port, codecs))
        destination = sip.Address(host, wanted.port)
        self.transports.connector.is_called(destination, wanted.host)
        self.transports.sources.called(host)
        try:
            call = self.agent.invite(
                wanted.uri,
                transport=wanted.transport,
                destination=destination,
                from_=self._from(caller),
                offer=None if delayed_offer else negotiation.offer(),
                headers=headers,
                credentials=credentials or self.options.credentials,
                ringing_timeout=ringing_timeout or self.options.ringing_timeout,
                now=self.now(),
            )
        except ValueError:
            self.transports.sources.call_over(host)
            await media.aclose()
            raise
        leg = self._leg(call, max_duration, accept_transfers)
        leg.take(media, negotiation)
        self._called[call.id] = (wanted.transport, destination)
        self.pump()
        return leg

    # As LegHost

    def now(self) -> float:
        return self._driver.now()

    def pump(self) -> None:
        self._driver.pump()

    def flush(self) -> None:
        self._driver.flush()

    async def open_media(self) -> MediaSession:
        media = await MediaSession.open(
            self.options.ports, self.options.listen[0].host, timeout=self.options.media_timeout
        )
        media.tap = self._tap_media if self.media_tap is not None else None
        return media

    def local_media(self, media: MediaSession) -> LocalMedia:
        return self._local_media(media.local_port)

    def keep(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def left(self, leg: LegCore) -> None:
        self._legs.pop(leg.call.id, None)
        if (called := self._called.pop(leg.call.id, None)) is not None:
            self.transports.sources.call_over(called[1].host)
        if not self._legs:
            self._empty.set()

    def _leg(
        self,
        call: sip.Call,
        max_duration: float | None = None,
        accept_transfers: bool | None = None,
    ) -> Leg:
        if accept_transfers is None:
            accept_transfers = self.options.accept_transfers
        longest = max_duration or self.options.max_duration
        leg = Leg(self, call, max_duration=longest, accept_transfers=accept_transfers)
        self._legs[call.id] = leg
        return leg

    def _event(self, event: sip.Event) -> None:
        if isinstance(event, sip.IncomingCall):
            self._incoming(event.call, event.offer)
        elif (leg := self._legs.get(event.call.id)) is not None:
            leg.handle(event)

    def _incoming(self, call: sip.Call, offer: str | None) -> None:
        refusal = self._why_not(call, offer)
        if refusal is not None:
            status, why = refusal
            log.info("call_refused", status=status, why=why)
            headers = {"Retry-After": "10"} if status == 503 else None
            call.reject(status, self.now(), headers=headers)
            return
        leg = self._leg(call)
        leg.offer = offer
        if call.flow is not None:
            leg.trunk = self.transports.sources.trunk_of(call.flow.remote.host) or ""
        assert self.on_incoming is not None
        try:
            self.on_incoming(leg)
        except Exception:
            leg.reject(500, reason="failed", detail="Whoever takes calls here failed.")
            raise

    def _why_not(self, call: sip.Call, offer: str | None) -> tuple[int, str] | None:
        if self._closing:
            return 503, "shutting down"
        if len(self._legs) >= self.options.max_calls:
            return 503, "as many calls as there may be"
        if self.on_incoming is None:
            return 480, "nobody takes calls here"
        try:
            if call.flow is not None:
                check_offered(self.address, call.flow.remote.host)
            if offer is not None:  # better known before it rings
                Negotiation(self._local_media(self.options.ports.first)).answer_to(offer)
        except AddressError as error:
            return 500, str(error)
        except (SdpError, NothingInCommon) as error:
            return error.sip_status, str(error)
        return None

    def _unreachable(self, outgoing: sip.Outgoing, why: str) -> None:
        destination = (outgoing.transport, outgoing.destination)
        for call_id, called in self._called.items():
            if called == destination:
                self._legs[call_id].record.trouble = why

    def _lost(self, flow: sip.Flow) -> None:
        destination = (flow.transport, flow.remote)
        for leg in self.legs:
            if leg.call.flow == flow or self._called.get(leg.id) == destination:
                leg.lost_connection()

    def _local_media(self, port: int, codecs: tuple[Codec, ...] = ()) -> LocalMedia:
        return LocalMedia(self.address, port, codecs or self.options.codecs, self.options.srtp)

    def _tap_media(
        self, sent: bool, packet: bytes, local: MediaAddress, remote: MediaAddress
    ) -> None:
        if self.media_tap is None:
            return
        try:
            self.media_tap(sent, packet, local, remote)
        except Exception as error:  # a full disk must not silence a call
            self.media_tap = None
            log.warning("media_tap_failed", error=type(error).__name__, detail=str(error))

    def _from(self, caller: str | None) -> str:
        user = caller or self.options.user
        return user if ":" in user else f"sip:{user}@{in_uri(self.address)}"

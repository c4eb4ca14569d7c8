"""The commands `call`, `answer` and `serve`."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Any

import typer

from bridge.addresses import Listen, parse_ip
from bridge.console import options as opt
from bridge.console.exits import Exit
from bridge.console.files import Paths
from bridge.console.performance import Part
from bridge.console.screen import Screen
from bridge.console.script import Step, digits_step, hold_step, seconds_of, transfer_step
from bridge.console.serving import serve as serve_until_told
from bridge.console.session import NETWORK_ERRORS, Session
from bridge.legs import BridgeOptions, HoldKind, Leg
from bridge.sdp import codecs_named
from bridge.settings import BridgeSettings
from engine.logs import set_up_logs
from engine.startup import load

_EXIT_CODES = (
    "Exit codes: 0 answered, 1 answered and ended by a fault, 2 usage, 3 busy, 4 no answer, "
    "5 refused, 6 network, 130 interrupted. More in docs/bridge.md."
)

app = typer.Typer(
    name="bridge",
    help="One phone call over SIP and RTP, with its ladder.",
    epilog=_EXIT_CODES,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.command()
def call(
    target: Annotated[str, typer.Argument(help="`sip:+91…@host:5060;transport=tcp`.")],
    caller: Annotated[str | None, typer.Option("--from", help="Our number or SIP address.")] = None,
    ring: Annotated[str | None, typer.Option(help="How long it may ring, `30s`.")] = None,
    play: opt.Play = None,
    record: opt.Record = None,
    dtmf: opt.Dtmf = None,
    hold: opt.Hold = None,
    hold_kind: opt.Kind = HoldKind.SENDONLY,
    transfer: opt.Transfer = None,
    lasts: opt.Lasts = None,
    hang_up_after_play: opt.HangUpAfterPlay = False,
    echo: opt.Echo = False,
    ladder: opt.Ladder = None,
    pcap: opt.Pcap = None,
    pcap_media: opt.PcapMedia = False,
    listen: opt.Places = None,
    advertise: opt.Advertised = None,
    codecs: opt.Codecs = None,
    json: opt.Json = False,
) -> None:
    """Call somebody, and do what a phone does until one of the two hangs up."""

    async def work() -> Exit:
        settings = _settings(listen, advertise, codecs, ring)
        part = _part(dtmf, hold, hold_kind, transfer, lasts, hang_up_after_play, echo)
        paths = _paths(play, record, ladder, pcap, pcap_media)
        session = Session(BridgeOptions.of(settings), paths, part, as_json=json)
        listens = "bridge_listen" in settings.model_fields_set
        return await session.call(target, caller, listens=listens)

    _finish(work)


@app.command()
def answer(
    ring: Annotated[str, typer.Option(help="How long it rings before the answer.")] = "0.5s",
    reject: Annotated[
        int | None, typer.Option(min=300, max=699, help="Refuse with this SIP status.")
    ] = None,
    busy: Annotated[bool, typer.Option("--busy", help="Refuse with 486.")] = False,
    never: Annotated[bool, typer.Option("--never", help="Let it ring.")] = False,
    play: opt.Play = None,
    record: opt.Record = None,
    dtmf: opt.Dtmf = None,
    hold: opt.Hold = None,
    hold_kind: opt.Kind = HoldKind.SENDONLY,
    transfer: opt.Transfer = None,
    lasts: opt.Lasts = None,
    hang_up_after_play: opt.HangUpAfterPlay = False,
    echo: opt.Echo = False,
    ladder: opt.Ladder = None,
    pcap: opt.Pcap = None,
    pcap_media: opt.PcapMedia = False,
    listen: opt.Places = None,
    advertise: opt.Advertised = None,
    codecs: opt.Codecs = None,
    json: opt.Json = False,
) -> None:
    """Wait for a call, and answer it."""

    async def how(leg: Leg) -> bool:
        if status := 486 if busy else reject:
            leg.reject(status, reason="busy" if status == 486 else "rejected")
            return False
        leg.ring()
        if never:
            return False
        try:
            async with asyncio.timeout(seconds_of(ring)):
                await leg.ended()  # they may give up first
        except TimeoutError:
            await leg.accept()
        return True

    async def work() -> Exit:
        seconds_of(ring)
        settings = _settings(listen, advertise, codecs, None)
        part = _part(dtmf, hold, hold_kind, transfer, lasts, hang_up_after_play, echo)
        paths = _paths(play, record, ladder, pcap, pcap_media)
        return await Session(BridgeOptions.of(settings), paths, part, as_json=json).answer(how)

    _finish(work)


@app.command()
def serve(
    echo: Annotated[
        bool, typer.Option("--echo", help="Take calls, and say what the caller says.")
    ] = False,
) -> None:
    """Stay, until SIGTERM: answer carriers' OPTIONS, and refuse calls (480) or echo them.

    To try a trunk, its address list and the firewall before calls depend on them. All settings are
    from the environment.
    """

    async def work() -> Exit:
        settings = load(BridgeSettings)
        set_up_logs("bridge", settings.log_level, settings.log_format)
        await serve_until_told(settings, echo=echo)
        return Exit.ANSWERED

    _finish(work)


def _settings(
    listen: Sequence[str] | None, advertise: str | None, codecs: str | None, ring: str | None
) -> BridgeSettings:
    """From the environment, with what the command line says instead."""
    given: dict[str, Any] = {}
    if listen:
        given["bridge_listen"] = tuple(str(Listen.parse(place)) for place in listen)
    if advertise:
        given["bridge_advertised_ip"] = str(parse_ip(advertise))
    if codecs:
        given["bridge_codecs"] = tuple(c.name for c in codecs_named(codecs.split(",")))
    if ring and not (seconds := seconds_of(ring)):
        raise ValueError("--ring must be longer than that.")
    if ring:
        given["bridge_ringing_seconds"] = seconds
    settings = load(BridgeSettings, **given)
    # The ladder tells a person all that there is; what is logged tells an operator.
    asked = "log_level" in settings.model_fields_set
    set_up_logs("bridge", settings.log_level if asked else "WARNING", settings.log_format)
    return settings


def _part(
    dtmf: Sequence[str] | None,
    hold: Sequence[str] | None,
    hold_kind: HoldKind,
    transfer: str | None,
    lasts: str | None,
    hang_up_after_play: bool,
    echo: bool,
) -> Part:
    steps: list[Step] = [*map(digits_step, dtmf or ()), *map(hold_step, hold or ())]
    if transfer is not None:
        steps.append(transfer_step(transfer))
    return Part(
        steps=steps,
        hold_kind=hold_kind,
        lasts=seconds_of(lasts) if lasts is not None else None,
        hang_up_after_play=hang_up_after_play,
        echo=echo,
    )


def _paths(play: Any, record: Any, ladder: Any, pcap: Any, pcap_media: bool) -> Paths:
    if pcap_media and pcap is None:
        raise ValueError("--pcap-media needs --pcap and a file.")
    return Paths(play=play, record=record, ladder=ladder, pcap=pcap, pcap_media=pcap_media)


def _finish(work: Callable[[], Awaitable[Exit]]) -> None:
    """Whatever is raised ends as a sentence on stderr and an exit code."""

    async def _run() -> Exit:
        return await work()

    try:
        code = asyncio.run(_run())
        sys.stdout.flush()
    except ValueError as wrong:  # an option, a target, an address, a file
        Screen(quiet=False).fail(str(wrong))
        code = Exit.USAGE
    except NETWORK_ERRORS as trouble:
        Screen(quiet=False).fail(f"{trouble}.")
        code = Exit.NETWORK
    except KeyboardInterrupt:
        code = Exit.INTERRUPTED
    raise typer.Exit(int(code))

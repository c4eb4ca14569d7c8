"""Options that both commands have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bridge.legs import HoldKind

_CALL, _FILES = "In the call", "Written down"

Play = Annotated[
    Path | None,
    typer.Option(help="WAV file (16 bit) to be said after the answer.", rich_help_panel=_CALL),
]
Record = Annotated[
    Path | None,
    typer.Option(help="WAV file for what the far side says.", rich_help_panel=_FILES),
]
Dtmf = Annotated[
    list[str] | None,
    typer.Option(
        help="Keys to press, `12#` or `12#@2s`: so long after the answer.", rich_help_panel=_CALL
    ),
]
Hold = Annotated[
    list[str] | None,
    typer.Option(
        help="Hold, `2s@3s`: for 2 s, 3 s after the answer. Repeatable.", rich_help_panel=_CALL
    ),
]
Kind = Annotated[HoldKind, typer.Option(help="How we hold.", rich_help_panel=_CALL)]
Transfer = Annotated[
    str | None,
    typer.Option(help="Hand the far side on, `sip:number@host@5s`.", rich_help_panel=_CALL),
]
Lasts = Annotated[
    str | None,
    typer.Option("--for", help="Hang up so long after the answer, `10s`.", rich_help_panel=_CALL),
]
Echo = Annotated[
    bool, typer.Option("--echo", help="Say what the far side says.", rich_help_panel=_CALL)
]
HangUpAfterPlay = Annotated[
    bool,
    typer.Option(
        "--hang-up-after-play", help="Hang up when --play is over.", rich_help_panel=_CALL
    ),
]
Ladder = Annotated[
    Path | None,
    typer.Option(help="Text file for the SIP ladder, numbers masked.", rich_help_panel=_FILES),
]
Pcap = Annotated[
    Path | None,
    typer.Option(
        help="Capture for Wireshark: signalling, with its numbers in clear.",
        rich_help_panel=_FILES,
    ),
]
PcapMedia = Annotated[
    bool,
    typer.Option(
        "--pcap-media", help="Also the audio: the caller's voice.", rich_help_panel=_FILES
    ),
]
Json = Annotated[bool, typer.Option("--json", help="The result as JSON on stdout, and no ladder.")]
Places = Annotated[
    list[str] | None,
    typer.Option("--listen", help="Where SIP is heard, `tcp://0.0.0.0:5060`. Repeatable."),
]
Advertised = Annotated[
    str | None, typer.Option("--advertise", help="Our IP address as the far side reaches it.")
]
Codecs = Annotated[str | None, typer.Option(help="The codecs, the best first: `PCMA,PCMU`.")]

"""baresip (Debian's package of that name): a SIP phone that shares no line with the bridge.

It runs without a terminal, says a tone of 440 Hz, keeps what it hears as a WAV file, and is told
what to press by its ctrl_tcp module: JSON in netstrings. It never uses the loopback address, so the
bridge has to listen at the address that this machine has in its network.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np

from bridge.addresses import own_address
from tests.bridge.sipp.process import free_ports

BARESIP = shutil.which("baresip")
SAYS_HZ = 440
_MODULES = Path("/usr/lib/baresip/modules")
_PATIENCE = 15.0
_SECONDS = 60

_CONFIG = """\
poll_method epoll
sip_listen {address}:{port}
call_local_timeout 120
call_max_calls 4
audio_player aubridge,nobody
audio_source aufile,{folder}/says.wav
audio_alert aubridge,nothing
ausrc_srate 8000
snd_path {folder}
rtp_ports {first_rtp}-{last_rtp}
rtcp_mux no
module_path {modules}
module g711.so
module g722.so
module aufile.so
module aubridge.so
module sndfile.so
module srtp.so
module_tmp uuid.so
module_tmp account.so
module_app menu.so
module_app ctrl_tcp.so
ctrl_tcp_listen 127.0.0.1:{control}
"""


def network_address() -> str:
    """This machine's own, in whatever network it is."""
    address = own_address("0.0.0.0")
    assert address != "127.0.0.1", (
        "baresip needs a network: this machine has no address but loopback"
    )
    return address


class Baresip:
    """`press` what its menu has (dial, hold, resume, hangup, …), `until` it tells an event."""

    def __init__(self, folder: Path, transport: str) -> None:
        self.address, self.port = network_address(), free_ports()
        self.transport = transport
        self.events: list[dict[str, Any]] = []
        self._folder = folder
        self._news = asyncio.Event()
        self._answers: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._process: asyncio.subprocess.Process | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task[None] | None = None

    @classmethod
    @asynccontextmanager
    async def run(
        cls,
        folder: Path,
        transport: str = "tcp",
        account: str = "answermode=auto",
        certificate: Path | None = None,
    ) -> AsyncIterator[Baresip]:
        """`account` are parameters of its account: answermode, mediaenc, audio_codecs, auth_…
        `certificate` is a PEM file with its key, for TLS."""
        phone = cls(folder, transport)
        try:
            await phone._start(account, certificate)
            yield phone
        finally:
            await phone._end()

    @property
    def uri(self) -> str:
        port = self.port + 1 if self.transport == "tls" else self.port
        return f"sip:phone@{self.address}:{port};transport={self.transport}"

    async def press(self, command: str, parameters: str = "") -> None:
        assert self._writer is not None
        text = json.dumps({"command": command, "params": parameters}).encode()
        self._writer.write(b"%d:%s," % (len(text), text))
        answer = await asyncio.wait_for(self._answers.get(), _PATIENCE)
        assert answer["ok"], f"baresip did not take {command}: {answer}\n{self.output()}"

    async def until(self, kind: str, count: int = 1) -> list[dict[str, Any]]:
        """Until it has told so many events of this kind."""
        try:
            async with asyncio.timeout(_PATIENCE):
                while len(found := [e for e in self.events if e["type"] == kind]) < count:
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            told = [event["type"] for event in self.events]
            raise AssertionError(f"no {kind}, but {told}\n{self.output()}") from None
        return found

    def heard_hz(self, skip: float = 0.3) -> float:
        """The loudest tone in what it heard, from its first recording, after so many seconds."""
        recording = min(self._folder.glob("dump-*-dec.wav"))
        with wave.open(str(recording)) as file:
            rate = file.getframerate()
            samples = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2")
        return loudest_hz(samples[int(skip * rate) :], rate)

    def output(self) -> str:
        return (self._folder / "output").read_text(errors="replace")[-8000:]

    async def _start(self, account: str, certificate: Path | None) -> None:
        assert BARESIP is not None, "baresip is missing: as root, make system-packages"
        control = self.port + 4  # the next one above is its TLS
        config = _CONFIG.format(
            address=self.address,
            port=self.port,
            control=control,
            folder=self._folder,
            first_rtp=self.port + 6,
            last_rtp=self.port + 9,
            modules=_modules(),
        )
        if certificate is not None:
            config += f"sip_certificate {certificate}\n"
        files = {
            "config": config,
            "accounts": f"<{self.uri}>;regint=0;{account}\n",
            "contacts": "",
        }
        for name, text in files.items():
            (self._folder / name).write_text(text)
        _write_tone(self._folder / "says.wav")
        with (self._folder / "output").open("wb") as output:
            self._process = await asyncio.create_subprocess_exec(
                *[BARESIP, "-f", str(self._folder), "-s"],
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        for _ in range(500):
            with contextlib.suppress(ConnectionError):
                reader, self._writer = await asyncio.open_connection("127.0.0.1", control)
                self._reading = asyncio.create_task(self._read(reader))
                return
            assert self._process.returncode is None, f"baresip left.\n{self.output()}"
            await asyncio.sleep(0.02)
        raise AssertionError(f"baresip did not get ready.\n{self.output()}")

    async def _read(self, reader: asyncio.StreamReader) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError):
            while True:
                length = await reader.readuntil(b":")
                told = json.loads((await reader.readexactly(int(length[:-1]) + 1))[:-1])
                if told.get("response"):
                    self._answers.put_nowait(told)
                else:
                    self.events.append(told)
                    self._news.set()

    async def _end(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)
        if self._writer is not None:
            self._writer.close()
        if self._process is not None and self._process.returncode is None:
            self._process.terminate()
            try:
                await asyncio.wait_for(self._process.wait(), 3)
            except TimeoutError:
                self._process.kill()
                await self._process.wait()


def loudest_hz(samples: Any, rate: int) -> float:
    """Of 16-bit samples; 0 for silence."""
    if samples.size == 0 or float(np.abs(samples).max()) < 500:
        return 0.0
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(samples.size)))
    return float(np.argmax(spectrum) * rate / samples.size)


def _modules() -> Path:
    return _MODULES if _MODULES.exists() else next(Path("/usr/lib").glob("*/baresip/modules"))


def _write_tone(file: Path) -> None:
    at = np.arange(_SECONDS * 8000) / 8000
    samples = (np.sin(2 * np.pi * SAYS_HZ * at) * 9000).astype("<i2")
    with wave.open(str(file), "wb") as opened:
        opened.setnchannels(1)
        opened.setsampwidth(2)
        opened.setframerate(8000)
        opened.writeframes(samples.tobytes())

"""./switchboard from anywhere, and what it says on a terminal and off it."""

from __future__ import annotations

import os
import pty
import subprocess
from pathlib import Path

from tests.cli.conftest import Installation
from tests.cli.running import CHECKOUT, LAUNCHER, run


async def test_it_runs_from_any_folder_through_any_link(tmp_path: Path) -> None:
    far = tmp_path / "a folder with spaces"
    far.mkdir()
    (far / "cli.py").write_text("raise SystemExit('the wrong cli')")
    (far / "typing.py").write_text("raise SystemExit('the wrong typing')")
    direct, relative = far / "direct link", far / "switchboard"
    direct.symlink_to(LAUNCHER)
    relative.symlink_to("direct link")
    for launcher in (LAUNCHER, direct, relative):
        shown = await run("--help", launcher=launcher, cwd=far)
        assert shown.code == 0, shown.err
        assert "Exit codes: 0 well" in " ".join(shown.out.split())


async def test_it_runs_in_a_checkout_with_a_space_in_its_path(tmp_path: Path) -> None:
    checkout = tmp_path / "my checkout"
    checkout.mkdir()
    for name in ("cli", "contract", ".venv"):
        (checkout / name).symlink_to(CHECKOUT / name)
    copy = checkout / "switchboard"
    copy.write_bytes(LAUNCHER.read_bytes())
    copy.chmod(0o755)
    assert (await run("--help", launcher=copy)).code == 0


async def test_without_an_environment_it_says_how_to_make_one(tmp_path: Path) -> None:
    copy = tmp_path / "switchboard"
    copy.write_bytes(LAUNCHER.read_bytes())
    copy.chmod(0o755)
    lost = await run("--help", launcher=copy)
    assert lost.code == 127
    assert "make env" in lost.err


async def test_every_command_explains_itself_and_takes_the_common_options() -> None:
    for line in (["calls", "start"], ["keys", "create"], ["doctor"], ["smoke"], ["trunks", "list"]):
        shown = (await run(*line, "--help")).out
        assert all(option in shown for option in ("--json", "--api-url", "--api-key"))


async def test_a_shell_completes_commands() -> None:
    environment = {
        "_SWITCHBOARD_COMPLETE": "complete_bash",
        "COMP_WORDS": "switchboard calls wa",
        "COMP_CWORD": "2",
    }
    completed = await run(environment=environment)
    assert completed.out.split() == ["watch"]


def on_a_terminal(*line: str, environment: dict[str, str]) -> str:
    """What a person would see, colours and all."""
    ours, theirs = pty.openpty()
    clean = {name: text for name, text in os.environ.items() if name != "NO_COLOR"}
    done = subprocess.Popen(
        [LAUNCHER, *line],
        env=clean | {"TERM": "xterm-256color"} | environment,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    seen = b""
    while True:
        try:
            piece = os.read(ours, 4096)
        except OSError:  # how Linux says that nobody has the other end any more
            break
        if not piece:
            break
        seen += piece
    os.close(ours)
    done.wait()
    return seen.decode()


async def test_colours_are_for_terminals_that_want_them(installation: Installation) -> None:
    import asyncio

    async def seen(**environment: str) -> str:
        return await asyncio.to_thread(
            on_a_terminal,
            "assistants",
            "list",
            environment=installation.environment | environment,
        )

    assert "\x1b[1m" in await seen()
    assert "\x1b[3" not in await seen(NO_COLOR="1")
    piped = await installation.run("assistants", "list")
    assert "\x1b" not in piped.out + piped.err

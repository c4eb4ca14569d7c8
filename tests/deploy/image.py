"""The Dockerfile, read; and its tree, built in a plain folder by its own lines."""

from __future__ import annotations

import fnmatch
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]
DOCKERFILE = CHECKOUT / "Dockerfile"
UV = CHECKOUT / ".tools" / "bin" / "uv"
APP = "/app"


@dataclass(frozen=True, slots=True)
class Instruction:
    word: str
    rest: str


@dataclass(slots=True)
class Stage:
    base: str
    instructions: list[Instruction] = field(default_factory=list)

    def all(self, word: str) -> Iterator[str]:
        return (each.rest for each in self.instructions if each.word == word)


def stages() -> list[Stage]:
    text = re.sub(r"^\s*#.*\n", "", DOCKERFILE.read_text(), flags=re.MULTILINE)
    found: list[Stage] = []
    for line in text.replace("\\\n", " ").splitlines():
        if not line.strip():
            continue
        word, rest = line.split(None, 1)
        if word == "FROM":
            found.append(Stage(rest))
        else:
            found[-1].instructions.append(Instruction(word, " ".join(rest.split())))
    return found


def environment(folder: Path) -> dict[str, str]:
    """The last stage's ENV, with the folder in place of /app."""
    given: dict[str, str] = {"PATH": os.environ["PATH"]}
    for rest in stages()[-1].all("ENV"):
        for pair in shlex.split(rest):
            name, _, value = pair.partition("=")
            given[name] = value.replace("$PATH", given["PATH"]).replace(APP, str(folder))
    return given


def build(folder: Path) -> None:
    """Both stages into one folder: what the last one takes of the first is the environment.

    What differs from Docker: the Python is this machine's, its system packages are not slim's,
    and uv's cache is used. Users and uv itself are not installed.
    """
    first, last = stages()
    folder.mkdir(parents=True)
    for stage in (first, last):
        for instruction in stage.instructions:
            match instruction.word:
                case "COPY":
                    _copy(instruction.rest, folder)
                case "RUN" if APP in instruction.rest:
                    _run(instruction.rest, folder)


def _copy(rest: str, folder: Path) -> None:
    if rest.startswith("--from=build "):
        return  # one folder for both stages
    *sources, target = shlex.split(rest)
    for source in sources:
        origin = CHECKOUT / source
        assert is_sent(source), f".dockerignore keeps {source} from Docker."
        into = folder / target
        if origin.is_dir():
            shutil.copytree(origin, into, ignore=_left_out, dirs_exist_ok=True)
        else:
            into = into / origin.name if target.endswith("/") else into
            into.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(origin, into)


def _run(command: str, folder: Path) -> None:
    command = command.replace("/usr/local/bin/python", shlex.quote(sys.executable))
    command = command.replace("--no-cache", "")
    tools = f"{folder / '.venv' / 'bin'}:{UV.parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["sh", "-euc", command.replace(APP, shlex.quote(str(folder)))],
        cwd=folder,
        env={**os.environ, "PATH": tools},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stderr}"


def _left_out(folder: str, names: list[str]) -> set[str]:
    return {name for name in names if not is_sent(str((Path(folder) / name).relative_to(CHECKOUT)))}


def is_sent(path: str) -> bool:
    """Whether .dockerignore lets this path through; the last line that fits decides."""
    sent = True
    for line in (CHECKOUT / ".dockerignore").read_text().splitlines():
        if line and not line.startswith("#"):
            pattern = line.removeprefix("!")
            if _fits(path, pattern):
                sent = line.startswith("!")
    return sent


def _fits(path: str, pattern: str) -> bool:
    parts = Path(path).parts
    above = ["/".join(parts[: count + 1]) for count in range(len(parts))]
    if pattern.startswith("**/"):
        return any(fnmatch.fnmatch(part, pattern[3:]) for part in parts)
    return any(fnmatch.fnmatch(each, pattern) for each in above)

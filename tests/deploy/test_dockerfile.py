"""The image: what is in it, what must not be, and that its lock is the one that is tested."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

from tests.deploy.image import CHECKOUT, DOCKERFILE, is_sent, stages

_NOT_SHIPPED = {"sandbox", "settings_table"}
"""Stand-ins for vendors, and the generator of docs/settings.md (which knows the stand-ins)."""


def test_hadolint_finds_nothing() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    found = subprocess.run(
        [hadolint, "--failure-threshold", "style", DOCKERFILE],
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 0, found.stdout


def test_no_warning_is_ignored() -> None:
    assert "hadolint ignore" not in DOCKERFILE.read_text()
    assert not list(CHECKOUT.glob(".hadolint.y*ml"))


def test_uv_is_the_makefiles() -> None:
    of_the_makefile = re.search(r"^UV_VERSION := (\S+)$", (CHECKOUT / "Makefile").read_text(), re.M)
    assert of_the_makefile
    assert f"UV_VERSION={of_the_makefile[1]}" in list(stages()[0].all("ARG"))


def test_it_runs_as_nobody_that_the_host_knows() -> None:
    assert list(stages()[-1].all("USER"))[-1] == "10001:10001"
    added = [rest for rest in stages()[-1].all("RUN") if "useradd" in rest]
    assert len(added) == 1
    assert "--uid 10001" in added[0]


def test_the_last_stage_installs_nothing() -> None:
    assert not [rest for rest in stages()[-1].all("RUN") if re.search(r"\b(apt|pip|uv)\b", rest)]
    assert all("--no-build" in rest for rest in stages()[0].all("RUN") if "uv pip" in rest)


def test_every_package_of_ours_is_in_it() -> None:
    config = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())
    packages = set(config["tool"]["importlinter"]["root_packages"]) - _NOT_SHIPPED
    copied = {
        source
        for rest in stages()[-1].all("COPY")
        if not rest.startswith("--from")
        for source in rest.split()[:-1]
    }
    assert packages | {"worker_main.py"} <= copied
    assert not copied & _NOT_SHIPPED
    assert all((CHECKOUT / source).exists() for source in copied)


def test_nothing_else_is_sent_to_docker() -> None:
    sent = {path.name for path in CHECKOUT.iterdir() if is_sent(path.name)}
    assert not sent & {
        "sandbox",
        "tests",
        "docs",
        ".git",
        ".venv",
        ".run",
        ".env",
        "secrets",
    }
    assert {"api", "worker_main.py", "requirements.prod.lock"} <= sent
    assert is_sent("deploy/healthcheck.py")
    assert not is_sent("secrets/payload_keys")
    assert not is_sent("api/__pycache__/app.cpython-311.pyc")
    assert not is_sent("api/__pycache__")


def locked(file: str) -> dict[str, frozenset[str]]:
    """Package and version with their hashes; markers of platforms left aside."""
    text = (CHECKOUT / file).read_text()
    entries = re.split(r"^(?=[a-zA-Z0-9])", text, flags=re.MULTILINE)
    return {
        re.split(r"[ ;\\]", entry, maxsplit=1)[0]: frozenset(
            re.findall(r"--hash=(sha256:\w+)", entry)
        )
        for entry in entries
        if "==" in entry
    }


def test_the_images_lock_is_part_of_the_tested_one() -> None:
    tested, shipped = locked("requirements.lock"), locked("requirements.prod.lock")
    assert len(shipped) > 50
    for package, hashes in shipped.items():
        assert tested.get(package) == hashes, f"{package}: run `make lock`."


def test_the_images_lock_has_all_that_the_processes_ask_for_and_no_tools() -> None:
    config = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())
    shipped = {name_of(package) for package in locked("requirements.prod.lock")}
    wanted = {name_of(each) for each in config["project"]["dependencies"]}
    tools = {name_of(each) for each in config["dependency-groups"]["dev"]}
    assert wanted <= shipped
    # What a library of ours brings along may be a tool of ours as well.
    assert shipped & tools <= {"av", "pyyaml"}


def name_of(requirement: str) -> str:
    match = re.match(r"[\w.-]+?(?=[\[=~<>]|$)", requirement)
    assert match, requirement
    return match[0].lower().replace("_", "-")

"""What a machine lacks for a stack, found without starting one."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from sandbox.stack import servers
from sandbox.stack.check import findings
from sandbox.stack.ports import Ports, variable


def verdicts(folder: Path) -> dict[str, tuple[str, str]]:
    return {found.name: (found.verdict, found.detail) for found in findings(folder)}


def test_a_machine_that_runs_these_tests_has_a_temporal_server(tmp_path: Path) -> None:
    assert verdicts(tmp_path)["Temporal's server"][0] == "ok"


def test_a_port_in_use_is_named_with_its_setting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        monkeypatch.setenv(variable("api"), str(port))
        (ports,) = [found for found in findings(tmp_path) if found.name == "ports"]
    assert ports.verdict == "failed"
    assert str(port) in ports.detail
    assert "SWITCHBOARD_API_PORT" in ports.next_step


def test_two_parts_on_one_port_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable("api"), str(Ports.temporal))
    assert verdicts(tmp_path)["ports"][0] == "failed"


def test_a_server_that_must_be_built_first_is_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    without = [
        folder
        for folder in os.environ["PATH"].split(os.pathsep)
        if not (Path(folder) / servers.LIVEKIT.name).exists()
    ]
    monkeypatch.setenv("PATH", os.pathsep.join(without))
    verdict, detail = verdicts(tmp_path)["livekit-server"]
    assert verdict == "warning"
    assert "first start builds it" in detail


def test_a_real_provider_without_its_key_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SWITCHBOARD_REAL_PROVIDERS", "groq")
    monkeypatch.delenv("GROQ_API_KEY", raising=False)
    assert "GROQ_API_KEY" in verdicts(tmp_path)["real providers"][1]

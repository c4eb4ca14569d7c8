"""The shell scripts of deploy/: correct, private, and safe to repeat."""

from __future__ import annotations

import base64
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.deploy.compose import CHECKOUT

pytestmark = pytest.mark.slow  # starts processes

DEPLOY = CHECKOUT / "deploy"
WITH_SECRETS = DEPLOY / "with-secrets"
MAKE_SECRETS = DEPLOY / "make-secrets"
VENDORS = {"DEEPGRAM_API_KEY": "dg", "GROQ_API_KEY": "gsk", "ELEVEN_API_KEY": "xi"}


def scripts() -> list[Path]:
    tracked = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=True,
    )
    paths = [CHECKOUT / line for line in tracked.stdout.splitlines()]
    return [path for path in paths if path.is_file() and is_shell(path)]


def is_shell(path: Path) -> bool:
    with path.open("rb") as file:
        first = file.readline()
    return first.startswith(b"#!") and first.rstrip().endswith((b"sh", b"bash"))


def run(*words: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        words,
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_shellcheck_finds_nothing_in_any_script() -> None:
    found = scripts()
    assert {MAKE_SECRETS, WITH_SECRETS, CHECKOUT / ".ci" / "run"} <= set(found)
    checked = run(Path(sys.executable).with_name("shellcheck"), "--severity=style", *found)
    assert checked.returncode == 0, checked.stdout


def test_secrets_are_private_and_random(tmp_path: Path) -> None:
    folders = tmp_path / "one", tmp_path / "two"
    for folder in folders:
        assert run(MAKE_SECRETS, folder, **VENDORS).returncode == 0
        # Others on this machine cannot enter; users in containers can read what is mounted.
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o444}
    own = {"deepgram_api_key", "groq_api_key", "eleven_api_key", "openai_api_key"}
    for file in folders[0].iterdir():
        same = file.read_text() == (folders[1] / file.name).read_text()
        assert same == (file.name in own), file.name


def test_the_secrets_fit_together(tmp_path: Path) -> None:
    run(MAKE_SECRETS, tmp_path, **VENDORS)
    of = {file.name: file.read_text() for file in tmp_path.iterdir()}
    assert of["switchboard_db_password"] in of["database_url"]
    assert yaml.safe_load(of["livekit_keys"]) == {"switchboard": of["livekit_api_secret"]}
    assert len(of["livekit_api_secret"]) >= 32  # LiveKit complains of shorter ones
    key_id, _, key = of["payload_keys"].partition(":")
    assert (key_id, len(base64.b64decode(key))) == ("k1", 32)


def test_what_is_there_is_never_changed(tmp_path: Path) -> None:
    first = run(MAKE_SECRETS, tmp_path)
    assert first.returncode == 1
    assert "DEEPGRAM_API_KEY, GROQ_API_KEY and ELEVEN_API_KEY" in first.stderr
    before = {file.name: file.read_text() for file in tmp_path.iterdir()}
    assert run(MAKE_SECRETS, tmp_path, **VENDORS).returncode == 0
    after = {file.name: file.read_text() for file in tmp_path.iterdir()}
    assert before.items() < after.items()


def test_a_key_that_not_everybody_needs_comes_when_it_is_there(tmp_path: Path) -> None:
    for given, expected in (("", ""), ("first", "first"), ("second", "first")):
        made = run(
            MAKE_SECRETS, tmp_path, **VENDORS, **({"OPENAI_API_KEY": given} if given else {})
        )
        assert made.returncode == 0, made.stderr
        assert (tmp_path / "openai_api_key").read_text() == expected


def test_a_program_gets_its_secrets_in_the_environment(tmp_path: Path) -> None:
    (tmp_path / "password").write_text('p$w"`\\\n')
    given = run(
        *[WITH_SECRETS, "PASSWORD=password", "--", "printenv", "PASSWORD"],
        SECRETS_FOLDER=str(tmp_path),
    )
    assert given.stdout == 'p$w"`\\\n'


@pytest.mark.parametrize("config", ["egress", "sip"])
def test_livekits_configurations_are_filled_in(tmp_path: Path, config: str) -> None:
    run(MAKE_SECRETS, tmp_path, **VENDORS)
    given = run(
        WITH_SECRETS,
        *["LIVEKIT_API_SECRET=livekit_api_secret", "REDIS_PASSWORD=redis_password"],
        f"BODY@{DEPLOY}/livekit/{config}.yaml",
        *["--", "printenv", "BODY"],
        SECRETS_FOLDER=str(tmp_path),
        LIVEKIT_API_KEY="switchboard",
        SIP_PUBLIC_IP="203.0.113.7",
    )
    filled_in = yaml.safe_load(given.stdout)
    assert filled_in["api_key"] == "switchboard"
    assert filled_in["api_secret"] == (tmp_path / "livekit_api_secret").read_text()
    assert filled_in["redis"]["password"] == (tmp_path / "redis_password").read_text()
    assert set(filled_in) <= OPTIONS[config]


# The options' names in pkg/config of livekit/egress v1.14.1 and livekit/sip v1.11.0: both programs
# ignore a name that they do not know, so a slip would go unnoticed.
_OF_BOTH = {"redis", "api_key", "api_secret", "ws_url", "logging", "health_port", "prometheus_port"}
OPTIONS = {
    "egress": _OF_BOTH | {"disallow_local_storage", "backup", "cpu_cost", "session_limits"},
    "sip": _OF_BOTH
    | {"sip_port", "rtp_port", "use_external_ip", "nat_1_to_1_ip", "hide_inbound_port"},
}


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["PASSWORD=gone", "--", "true"], "the secret gone is missing"),
        (["PASSWORD=empty", "--", "true"], "the secret empty is missing, empty or unreadable"),
        (["BODY@{folder}/config", "--", "true"], "names a variable that is not set"),
        (["BODY@{folder}/gone", "--", "true"], "gone cannot be read"),
        (["PASSWORD", "--", "true"], "PASSWORD is neither"),
        (["--"], "no program after --"),
    ],
)
def test_what_is_missing_is_named(tmp_path: Path, words: list[str], sentence: str) -> None:
    (tmp_path / "empty").touch()
    (tmp_path / "config").write_text("password: ${NOWHERE}\n")
    filled_in = [word.format(folder=tmp_path) for word in words]
    refused = run(WITH_SECRETS, *filled_in, SECRETS_FOLDER=str(tmp_path))
    assert refused.returncode == 2
    assert sentence in refused.stderr


@pytest.mark.parametrize(("answers", "code"), [(True, 0), (False, 1)])
def test_the_health_check_tells_by_its_exit_code(answers: bool, code: int) -> None:
    import http.server
    import threading

    with http.server.HTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        path = "/" if answers else "/there-is-no-such-page"
        url = f"http://127.0.0.1:{server.server_port}{path}"
        # A proxy of the outside world is not asked about ourselves.
        asked = run(sys.executable, DEPLOY / "healthcheck.py", url, http_proxy="http://127.0.0.1:9")
        server.shutdown()
    assert asked.returncode == code

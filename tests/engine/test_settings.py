"""Settings from the environment and from secret files, and the one sentence about wrong ones."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pydantic import AliasChoices, Field

from engine.logs import set_up_logs
from engine.secret_files import OptionalSecret, Secret
from engine.settings import EngineSettings, ProcessSettings
from engine.startup import load, tell_misspelt

KEYS = "dev:" + "A" * 43 + "="
HIDDEN = "hush-hush-hush"


class Example(ProcessSettings):
    example_extra: OptionalSecret = Field("", description="One that not everybody needs.")
    example_port: int = Field(8080, ge=1, description="A port.")
    example_secret: Secret = Field(min_length=8, description="A secret.")
    example_key: Secret = Field(
        validation_alias=AliasChoices("example_key", "older_key"), description="Another."
    )


@pytest.fixture(autouse=True)
def given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXAMPLE_SECRET", HIDDEN)
    monkeypatch.setenv("EXAMPLE_KEY", HIDDEN)


def sentence(kind: type[ProcessSettings], capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as left:
        load(kind)
    assert left.value.code == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert HIDDEN not in said
    return said.removeprefix("Cannot start: ").removesuffix(".\n")


def test_a_secret_comes_from_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "secret"
    file.write_text(f"{HIDDEN} from a file\r\n")
    monkeypatch.delenv("EXAMPLE_SECRET")
    monkeypatch.setenv("EXAMPLE_SECRET_FILE", str(file))
    settings = load(Example)
    assert settings.example_secret == f"{HIDDEN} from a file"
    assert HIDDEN not in repr(settings)


def test_the_older_name_may_come_from_a_file_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "key").write_text("the key")
    monkeypatch.delenv("EXAMPLE_KEY")
    monkeypatch.setenv("OLDER_KEY_FILE", str(tmp_path / "key"))
    assert load(Example).example_key == "the key"


def test_what_is_no_secret_comes_from_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "port").write_text("9999")
    monkeypatch.setenv("EXAMPLE_PORT_FILE", str(tmp_path / "port"))
    assert load(Example).example_port == 8080


def test_a_secret_given_twice_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "secret").write_text(HIDDEN + " of old")
    monkeypatch.setenv("EXAMPLE_SECRET_FILE", str(tmp_path / "secret"))
    assert sentence(Example, capsys) == (
        "EXAMPLE_SECRET and EXAMPLE_SECRET_FILE are both given, keep one of them"
    )


def test_twice_the_same_is_no_contradiction(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in the job processes of an agent server that has LiveKit's secret from a file."""
    (tmp_path / "secret").write_text(HIDDEN + "\n")
    monkeypatch.setenv("EXAMPLE_SECRET_FILE", str(tmp_path / "secret"))
    assert load(Example).example_secret == HIDDEN


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "names a file that cannot be read (no such file or directory)"),
        (b"", "names an empty file"),
        (b"\n", "names an empty file"),
        (b"\xff\xfe", "names a file that cannot be read (it is not text)"),
    ],
)
def test_a_useless_file_is_named_by_its_setting(
    content: bytes | None,
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = tmp_path / HIDDEN  # not even the path is repeated
    if content is not None:
        file.write_bytes(content)
    monkeypatch.delenv("EXAMPLE_SECRET")
    monkeypatch.setenv("EXAMPLE_SECRET_FILE", str(file))
    assert sentence(Example, capsys) == f"EXAMPLE_SECRET_FILE {said}"


def test_an_empty_file_of_an_optional_secret_says_that_there_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "secret").write_text("\n")
    monkeypatch.setenv("EXAMPLE_EXTRA_FILE", str(tmp_path / "secret"))
    assert load(Example).example_extra == ""
    (tmp_path / "secret").write_text(HIDDEN)
    assert load(Example).example_extra == HIDDEN


def test_a_file_is_validated_like_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "secret").write_text("short")
    monkeypatch.delenv("EXAMPLE_SECRET")
    monkeypatch.setenv("EXAMPLE_SECRET_FILE", str(tmp_path / "secret"))
    assert sentence(Example, capsys).startswith("EXAMPLE_SECRET is malformed")


def test_all_that_is_wrong_is_told_at_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("EXAMPLE_PORT", HIDDEN)
    monkeypatch.delenv("EXAMPLE_SECRET")
    monkeypatch.setenv("EXAMPLE_KEY_FILE", "/nowhere")
    monkeypatch.setenv("LOG_LEVEL", HIDDEN)
    said = sentence(Example, capsys)
    for name in ("EXAMPLE_PORT", "EXAMPLE_SECRET is missing", "EXAMPLE_KEY_FILE", "LOG_LEVEL"):
        assert name in said


def test_a_misspelt_name_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("EXAMPLE_PROT", HIDDEN)
    monkeypatch.setenv("EXAMPLE_SECERT", HIDDEN)
    set_up_logs("example", "INFO", "json")
    tell_misspelt(Example)
    told = {line["given"]: line["perhaps_meant"] for line in lines_in(capsys.readouterr().err)}
    assert told == {"EXAMPLE_PROT": "EXAMPLE_PORT", "EXAMPLE_SECERT": "EXAMPLE_SECRET"}
    monkeypatch.delenv("EXAMPLE_SECRET")
    assert sentence(Example, capsys) == (
        "EXAMPLE_SECRET is missing (is EXAMPLE_SECERT meant for it?)"
    )


def lines_in(text: str) -> list[dict[str, str]]:
    assert HIDDEN not in text
    return [json.loads(line) for line in text.splitlines()]


def test_an_empty_variable_is_not_given(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("EXAMPLE_PORT", "")
    assert load(Example).example_port == 8080
    monkeypatch.setenv("EXAMPLE_SECRET", "")
    assert sentence(Example, capsys) == "EXAMPLE_SECRET is missing"


def test_payload_keys_are_needed_to_encrypt(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TEMPORAL_ADDRESS", "127.0.0.1:9")
    assert sentence(EngineSettings, capsys) == "PAYLOAD_KEYS is missing"
    monkeypatch.setenv("PAYLOAD_ENCRYPTION", "off")
    assert load(EngineSettings).keys == {}
    monkeypatch.setenv("PAYLOAD_ENCRYPTION", "on")
    monkeypatch.setenv("PAYLOAD_KEYS", KEYS)
    assert set(load(EngineSettings).keys) == {"dev"}

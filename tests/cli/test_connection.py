"""Which installation is meant, and that no key goes where it does not belong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli.connection import Unnamed, find_connection
from cli.errors import Usage

STACK = {"api_url": "http://127.0.0.1:8080", "api_key": "stack-key", "talk_url": "http://talk"}


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "stack.json").write_text(json.dumps(STACK))
    return {"SWITCHBOARD_RUN_DIR": str(tmp_path)}


def test_options_go_before_the_environment_and_that_before_the_stack(
    environment: dict[str, str],
) -> None:
    found = find_connection(None, None, environment)
    assert (found.api_url, found.api_key, found.talk_url) == tuple(STACK.values())
    assert found.stack_file is not None
    environment |= {"API_URL": "http://old", "API_KEY": "old"}
    found = find_connection(None, None, environment)
    assert (found.api_url, found.api_key, found.stack_file) == ("http://old", "old", None)
    environment |= {"SWITCHBOARD_API_URL": "https://ours/", "SWITCHBOARD_API_KEY": "ours"}
    found = find_connection(None, None, environment)
    assert (found.api_url, found.api_key) == ("https://ours", "ours")
    found = find_connection("http://given", "given", environment)
    assert (found.api_url, found.url_from, found.key_from) == (
        "http://given",
        "--api-url",
        "--api-key",
    )


def test_the_stacks_key_goes_to_the_stack_only(environment: dict[str, str]) -> None:
    with pytest.raises(Usage, match="no API key"):
        find_connection("https://elsewhere", None, environment)
    assert find_connection("http://127.0.0.1:8080/", None, environment).api_key == "stack-key"


def test_a_key_of_ones_own_may_go_to_the_stack(environment: dict[str, str]) -> None:
    found = find_connection(None, "auditor", environment)
    assert (found.api_url, found.api_key) == (STACK["api_url"], "auditor")


@pytest.mark.parametrize("content", [None, "", "[]", "{", '{"api_url": 1}'])
def test_a_stack_file_that_is_none_is_no_stack(content: str | None, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "stack.json").write_text(content)
    with pytest.raises(Unnamed, match="SWITCHBOARD_API_URL"):
        find_connection(None, None, {"SWITCHBOARD_RUN_DIR": str(tmp_path)})


@pytest.mark.parametrize("key", ["with\nnewline", "ключ"])
def test_a_key_that_no_header_can_carry_is_refused_without_repeating_it(key: str) -> None:
    with pytest.raises(Usage) as refused:
        find_connection("http://x", key, {})
    assert key not in str(refused.value)

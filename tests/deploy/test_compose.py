"""The production shape in one file: complete, private by default, and in step with the settings."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import QueuePool

from settings_table.settings import settings_by_process
from store.database import Database
from tests.deploy.compose import (
    CHECKOUT,
    FILE,
    OPERATORS_WORDS,
    OURS,
    PROFILES,
    compose,
    document,
    environment_of,
    everything,
    resolved,
    services,
    stop_grace_seconds,
)

pytestmark = pytest.mark.slow  # starts docker-compose

ONE_SHOTS = {"temporal-schema", "temporal-namespace", "egress-backup-folder", "s3-bucket"}
BY_HAND = {"temporal-cli"}
# The only ports that callers reach without a proxy: audio, and SIP in its profile.
OPEN_PORTS = {7881, 7882, 5060, 5070, *range(10000, 10600)}


@pytest.fixture(scope="module")
def all_services() -> dict[str, Any]:
    return everything()


@pytest.mark.parametrize("profiles", [(), ("operators",), ("telephony",), PROFILES])
def test_compose_accepts_the_file(profiles: tuple[str, ...]) -> None:
    names = set(services(*profiles))
    assert {"temporal", "livekit", "egress", "s3", "api", "worker", "atlas", "media-bot"} <= names
    assert {"livekit-sip", "bridge"} & names == (
        {"livekit-sip", "bridge"} if "telephony" in profiles else set()
    )
    assert ("codec" in names) == ("operators" in profiles)


@pytest.mark.parametrize("name", OPERATORS_WORDS)
def test_what_the_operator_must_say_is_asked_for_in_a_sentence(name: str) -> None:
    without = {key: value for key, value in OPERATORS_WORDS.items() if key != name}
    answer = compose("config", environment=without)
    assert answer.returncode != 0
    assert re.search(r"the (IP )?address .*callers", answer.stderr), answer.stderr


def test_these_tests_do_not_read_what_an_operator_wrote_beside_the_file(tmp_path: Path) -> None:
    file = tmp_path / FILE.name
    file.write_bytes(FILE.read_bytes())
    words = "".join(f"{name}={word}\n" for name, word in OPERATORS_WORDS.items())
    (tmp_path / ".env").write_text(words)
    assert compose("config", environment={}, file=file).returncode != 0


@pytest.mark.parametrize("file", ["dev.env", "example.env"])
def test_the_example_environments_say_all_that_is_asked_for(file: str) -> None:
    lines = (CHECKOUT / "deploy" / file).read_text().splitlines()
    given = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    assert set(OPERATORS_WORDS) <= set(given)
    filled_in = {name: value or "x" for name, value in given.items()}
    assert services(environment=filled_in)
    # Whatever they set, the compose file reads.
    read = set(re.findall(r"\$\{(\w+)", (CHECKOUT / "docker-compose.temporal.yml").read_text()))
    passed_on = {name for service in everything().values() for name in environment_of(service)}
    assert set(given) <= read | passed_on


@pytest.mark.parametrize("service", OURS)
def test_every_variable_is_a_setting_and_every_setting_has_its_variable(
    all_services: dict[str, Any], service: str
) -> None:
    settings = settings_by_process()[OURS[service]]
    # A secret comes from its file, everything else from the variable of its name.
    expected = {f"{each.name}_FILE" if each.secret else each.name for each in settings}
    assert set(environment_of(all_services[service])) == expected


def test_everyone_asks_the_object_store_inside(all_services: dict[str, Any]) -> None:
    """The public name is served by a proxy that the first start cannot count on."""
    for name in ("api", "codec", "worker", "s3-bucket"):
        assert environment_of(all_services[name])["S3_ENDPOINT"] == "http://s3:7070", name
    api = environment_of(all_services["api"])
    assert api["S3_PUBLIC_URL"] == OPERATORS_WORDS["S3_PUBLIC_URL"]


def test_postgresql_takes_as_many_connections_as_all_pools_together(
    all_services: dict[str, Any],
) -> None:
    given = re.search(r"max_connections=(\d+)", " ".join(all_services["postgres"]["command"]))
    assert given
    # Defaults of SQL_MAX_CONNS and SQL_VIS_MAX_CONNS in the template of Temporal's image, for each
    # of frontend, history, matching and worker.
    temporals = 4 * (20 + 10)
    pool = Database("postgresql+asyncpg://nobody@127.0.0.1/x").engine.pool
    assert isinstance(pool, QueuePool)
    # API, codec, worker and bridge twice while they are upgraded, and a worker for each of eight
    # cores.
    ours = (4 + 4 + 8) * pool.size()
    assert int(given[1]) >= temporals + ours + 10  # backups, people


def test_the_bucket_maker_is_given_what_it_reads(all_services: dict[str, Any]) -> None:
    from deploy.make_bucket import BucketSettings
    from engine.secret_files import is_secret

    expected = {
        f"{name.upper()}_FILE" if is_secret(field) else name.upper()
        for name, field in BucketSettings.model_fields.items()
        if name not in ("log_level", "log_format")
    }
    assert set(environment_of(all_services["s3-bucket"])) == expected


def test_every_secret_file_is_mounted(all_services: dict[str, Any]) -> None:
    for name, service in all_services.items():
        mounted = {secret["source"] for secret in service.get("secrets", [])}
        wanted = {
            value.removeprefix("/run/secrets/")
            for value in environment_of(service).values()
            if isinstance(value, str) and value.startswith("/run/secrets/")
        }
        # For programs of others: `with-secrets NAME=secret -- program`.
        wanted |= {
            word.partition("=")[2]
            for word in service.get("entrypoint", [])
            if re.fullmatch(r"[A-Z_]+=\w+", word)
        }
        if name == "redis":  # deploy/redis/start reads it
            wanted |= {"redis_password"}
        if name == "postgres":  # deploy/postgres/10-roles-and-databases.sql reads them
            wanted |= {"temporal_db_password", "switchboard_db_password"}
        assert mounted == wanted, name


def test_make_secrets_makes_every_secret_and_no_other(tmp_path: Path) -> None:
    made = subprocess.run(
        [CHECKOUT / "deploy" / "make-secrets", tmp_path],
        env={"DEEPGRAM_API_KEY": "d", "GROQ_API_KEY": "g", "ELEVEN_API_KEY": "e"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 0, made.stderr
    assert {file.name for file in tmp_path.iterdir()} == set(document()["secrets"])


def test_no_secret_stands_in_the_file(all_services: dict[str, Any]) -> None:
    suspicious = re.compile(r"PASSWORD|SECRET|_PWD|PAYLOAD_KEYS|TOKEN|(?<!LIVEKIT)_API_KEY$")
    for name, service in all_services.items():
        for variable in environment_of(service):
            if suspicious.search(variable):
                assert variable.endswith("_FILE"), f"{name}: {variable}"


def test_ports_are_private_unless_callers_need_them(all_services: dict[str, Any]) -> None:
    for name, service in all_services.items():
        for port in service.get("ports", []):
            where, published = published_on(str(port))
            assert where == "127.0.0.1" or published in OPEN_PORTS, f"{name}: {port}"


def published_on(port: str) -> tuple[str, int]:
    where, published, _inside = port.partition("/")[0].split(":")
    return where, int(published.partition("-")[0])


def test_the_data_network_has_no_way_out_and_only_those_who_need_it(
    all_services: dict[str, Any],
) -> None:
    assert document()["networks"]["data"] == {"internal": True}
    inside = {name for name, each in all_services.items() if "data" in each.get("networks", {})}
    assert inside == {
        *("postgres", "temporal-schema", "temporal", "redis", "livekit", "egress", "livekit-sip"),
        *("api", "codec", "worker", "bridge"),
    }
    assert list(all_services["postgres"]["networks"]) == ["data"]
    assert list(all_services["redis"]["networks"]) == ["data"]


def test_everything_that_stays_up_is_watched_bounded_and_started_again(
    all_services: dict[str, Any],
) -> None:
    for name, service in all_services.items():
        assert "mem_limit" in service, name
        assert set(service["logging"]["options"]) == {"max-size", "max-file"}, name
        if name in BY_HAND:
            continue
        if name in ONE_SHOTS:
            assert service["restart"].startswith("on-failure"), name
        else:
            assert service["restart"] == "unless-stopped", name
            assert service["healthcheck"]["test"], name


def test_one_shots_are_waited_for_and_servers_must_be_healthy(
    all_services: dict[str, Any],
) -> None:
    for name, service in all_services.items():
        for needed, how in service.get("depends_on", {}).items():
            expected = (
                "service_completed_successfully" if needed in ONE_SHOTS else "service_healthy"
            )
            assert how["condition"] == expected, f"{name} needs {needed}"


def test_images_are_pinned(all_services: dict[str, Any]) -> None:
    for name, service in all_services.items():
        image, _, tag = service["image"].rpartition(":")
        assert image, name
        if image != "switchboard":
            assert re.match(r"v?\d", tag), f"{name}: {service['image']}"


def test_our_processes_can_change_nothing(all_services: dict[str, Any]) -> None:
    for name in (*OURS, "s3-bucket"):
        service = all_services[name]
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name


def test_those_who_carry_calls_get_longer_to_end_than_their_calls_get_to_drain(
    all_services: dict[str, Any],
) -> None:
    setting = {
        "atlas": "AGENT_DRAIN_SECONDS",
        "media-bot": "AGENT_DRAIN_SECONDS",
        "bridge": "BRIDGE_CALL_DRAIN_SECONDS",
    }
    for name, drains in setting.items():
        drain = float(environment_of(all_services[name])[drains])
        assert stop_grace_seconds(all_services[name]) >= drain + 30, name


def test_named_volumes_only(all_services: dict[str, Any]) -> None:
    """An anonymous volume is lost with its container."""
    named = set(document()["volumes"])
    for name, service in all_services.items():
        for volume in service.get("volumes", []):
            source = str(volume).partition(":")[0]
            assert source in named or Path(source).is_relative_to(CHECKOUT / "deploy"), name


def test_no_folder_that_is_mounted_holds_the_secrets(all_services: dict[str, Any]) -> None:
    """A program gets its own secrets only; with the whole folder it would have everybody's."""
    files = [Path(secret["file"]) for secret in resolved()["secrets"].values()]
    for name, service in all_services.items():
        for volume in service.get("volumes", []):
            source = Path(str(volume).partition(":")[0])
            assert not any(file.is_relative_to(source) for file in files), name


def test_what_is_mounted_exists(all_services: dict[str, Any]) -> None:
    for name, service in all_services.items():
        command = [*service.get("entrypoint", []), *service.get("command", [])]
        for word in [*command, *map(str, environment_of(service).values())]:
            for path in re.findall(r"/switchboard/([\w./-]+)", word):
                assert (CHECKOUT / "deploy" / path).exists(), f"{name}: {word}"

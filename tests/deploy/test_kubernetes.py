"""deploy/kubernetes: what Kubernetes takes, the names of others, and in step with Compose."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any
from unittest import mock
from urllib.parse import urlsplit

import kubernetes_validate
import pytest
import yaml

from engine.misspelt import known_names
from settings_table.settings import PROCESSES, settings_by_process
from tests.deploy.compose import CHECKOUT, OURS, environment_of, everything, stop_grace_seconds
from tests.deploy.kubernetes import (
    FOLDER,
    VERSION,
    Cluster,
    Object,
    build,
    container_of,
    copied_and_filled_in,
    mounted_secrets,
    own_environment,
    pod_of,
)

# It starts kustomize and docker-compose, and builds the former once.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

DEPLOYMENTS = {
    "api": ("dps", "switchboard-api"),
    "worker": ("dps", "switchboard-worker"),
    "bridge": ("dps", "switchboard-bridge"),
    "atlas": ("dps", "switchboard-atlas"),
    "media-bot": ("livekit", "livekit-media-bot-service"),
}
"""A service of docker-compose.temporal.yml, and where it runs here."""

OF_LIBRARIES = {"NUM_CPUS"}  # livekit-agents'
ELSEWHERE = {
    # The Service has another name.
    *("INTERNAL_API_URL", "COMPASS_URL", "MEDIA_ASSETS_URL", "MEDIA_ASSET_HOSTS"),
    "BRIDGE_HTTP_HOST",  # in a container's own network everything is private
}
DRAINS = {
    "atlas": "AGENT_DRAIN_SECONDS",
    "media-bot": "AGENT_DRAIN_SECONDS",
    "bridge": "BRIDGE_CALL_DRAIN_SECONDS",
}
PAGE = CHECKOUT / "docs" / "deploy_kubernetes.md"


@pytest.fixture(scope="module")
def overlay(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copied_and_filled_in(tmp_path_factory.mktemp("installation") / "kubernetes")


@pytest.fixture(scope="module")
def cluster(overlay: Path) -> Cluster:
    return Cluster(build(overlay))


@pytest.fixture(scope="module")
def worker_build(overlay: Path) -> Cluster:
    return Cluster(build(overlay / "worker-build"))


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return everything()


@pytest.fixture(params=DEPLOYMENTS)
def service(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def deployment(cluster: Cluster, service: str) -> Object:
    return cluster.one("Deployment", *DEPLOYMENTS[service])


def test_kubernetes_takes_all_of_it(cluster: Cluster, worker_build: Cluster) -> None:
    for each in [*cluster.objects, *worker_build.objects]:
        kubernetes_validate.validate(each, VERSION, strict=True)


def test_what_there_is_and_where(cluster: Cluster) -> None:
    """No namespace: `kubectl delete -k` would take all that others have in it."""
    there = {
        (each["kind"], each["metadata"]["namespace"], each["metadata"]["name"])
        for each in cluster.objects
    }
    assert there == {
        *(("Deployment", *where) for where in DEPLOYMENTS.values()),
        *(("PodDisruptionBudget", *where) for where in DEPLOYMENTS.values()),
        ("Service", "dps", "switchboard-api"),
        *(("ConfigMap", namespace, "ai-configs") for namespace in ("dps", "livekit")),
        *(("Secret", namespace, "ai-secrets") for namespace in ("dps", "livekit")),
    }


def test_media_bot_is_as_light_as_its_document_says(cluster: Cluster) -> None:
    resources = container_of(cluster.one("Deployment", *DEPLOYMENTS["media-bot"]))["resources"]
    assert resources["limits"]["memory"] == resources["requests"]["memory"] == "512Mi"


def test_a_container_is_named_like_its_deployment(deployment: Object) -> None:
    """As `kubectl set image deploy/<name> <name>=<image>` wants it."""
    assert container_of(deployment)["name"] == deployment["metadata"]["name"]


def test_the_image_is_the_overlays(overlay: Path, deployment: Object, service: str) -> None:
    (chosen,) = yaml.safe_load((overlay / "kustomization.yaml").read_text())["images"]
    assert chosen == {"name": "switchboard", "newTag": "1"}
    assert container_of(deployment)["image"] == "switchboard:1"
    alone = yaml.safe_load((FOLDER / "base" / service / "deployment.yaml").read_text())
    assert container_of(alone)["image"] == "switchboard:chosen-by-the-overlay"


def test_every_variable_is_a_setting_and_secrets_come_from_files(
    cluster: Cluster, deployment: Object, service: str
) -> None:
    settings = settings_by_process()[OURS[service]]
    allowed = {f"{each.name}_FILE" if each.secret else each.name for each in settings}
    own = own_environment(deployment)
    assert set(own) <= allowed | OF_LIBRARIES
    files = {value for name, value in own.items() if name.endswith("_FILE")}
    mounted = mounted_secrets(deployment)
    assert files == set(mounted)
    assert set(mounted.values()) <= set(cluster.secrets(deployment["metadata"]["namespace"]))
    assert container_of(deployment)["envFrom"] == [{"configMapRef": {"name": "ai-configs"}}]


def test_it_starts_with_the_settings_of_the_example(
    cluster: Cluster, deployment: Object, service: str, tmp_path: Path
) -> None:
    namespace = deployment["metadata"]["namespace"]
    values, given = cluster.secrets(namespace), own_environment(deployment)
    for path, key in mounted_secrets(deployment).items():
        file = tmp_path / key
        file.write_text(values[key])
        given = {n: str(file) if v == path else v for n, v in given.items()}
    read = cluster.config(namespace) | given
    with mock.patch.dict(os.environ, {n: v for n, v in read.items() if v}, clear=True):
        PROCESSES[OURS[service]]()


@pytest.mark.parametrize("namespace", ["dps", "livekit"])
def test_the_examples_ask_for_nothing_that_nobody_reads(cluster: Cluster, namespace: str) -> None:
    here = {name: where for name, where in DEPLOYMENTS.items() if where[0] == namespace}
    running = [cluster.one("Deployment", *where) for where in here.values()]
    known = set().union(*(known_names(PROCESSES[OURS[name]]) for name in here))
    config = set(cluster.config(namespace))
    assert config <= known
    # A Deployment's own word wins without a word about it.
    assert not config & {name for each in running for name in own_environment(each)}
    used = {key for each in running for key in mounted_secrets(each).values()}
    assert used == set(cluster.secrets(namespace))


def test_no_secret_is_committed() -> None:
    example = FOLDER / "overlays" / "example"
    for file in example.glob("*.secrets.env.example"):
        lines = file.read_text().splitlines()
        assert all(line.endswith("=") for line in lines if line and not line.startswith("#"))
    for file in example.glob("*.example"):
        ignored = ["git", "check-ignore", "--quiet", file.with_suffix("")]
        assert subprocess.run(ignored, cwd=CHECKOUT, check=False).returncode == 0, file


def test_it_is_run_as_compose_runs_it(
    compose: dict[str, Any], deployment: Object, service: str
) -> None:
    there, container = compose[service], container_of(deployment)
    assert container["command"] == there["command"]
    settings = environment_of(there)
    for name, value in own_environment(deployment).items():
        if not name.endswith("_FILE") and name in settings and settings[name] is not None:
            assert value == settings[name] or name in ELSEWHERE, name
    # The same settings are fixed, and the same secrets given.
    secrets = {name for name in own_environment(deployment) if name.endswith("_FILE")}
    assert secrets == {name for name, v in settings.items() if name.endswith("_FILE") and v}
    if service != "media-bot":
        mebibytes = int(container["resources"]["limits"]["memory"].removesuffix("Gi")) * 1024
        assert there["mem_limit"] in (f"{mebibytes // 1024}g", mebibytes * 1024**2)


def test_its_health_is_asked_where_compose_asks(
    compose: dict[str, Any], deployment: Object, service: str
) -> None:
    container = container_of(deployment)
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    asked = urlsplit(compose[service]["healthcheck"]["test"][-1])
    ready = container["readinessProbe"]["httpGet"]
    assert (ports[ready["port"]], ready["path"]) == (asked.port, asked.path)
    for probe in ("startupProbe", "livenessProbe"):
        # What others must mend is no reason to end a process that carries calls.
        assert container[probe]["httpGet"] == {"path": "/healthz", "port": ready["port"]}
    scraped = deployment["spec"]["template"]["metadata"]["annotations"]["prometheus.io/port"]
    assert int(scraped) in ports.values()


def test_it_gets_the_time_to_end_that_compose_gives(
    compose: dict[str, Any], deployment: Object, service: str
) -> None:
    grace = pod_of(deployment)["terminationGracePeriodSeconds"]
    hook = container_of(deployment).get("lifecycle", {}).get("preStop", {"sleep": {"seconds": 0}})
    assert grace - hook["sleep"]["seconds"] >= stop_grace_seconds(compose[service])
    if service in DRAINS:
        assert grace >= float(own_environment(deployment)[DRAINS[service]]) + 30


def test_it_can_change_nothing_and_reaches_nobody(deployment: Object) -> None:
    pod, container = pod_of(deployment), container_of(deployment)
    assert pod["automountServiceAccountToken"] is False
    assert pod["enableServiceLinks"] is False
    assert pod["shareProcessNamespace"] is True
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] == 10001
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
    }
    writable = [m["mountPath"] for m in container["volumeMounts"] if not m.get("readOnly")]
    assert writable == ["/tmp"]
    assert pod.get("hostNetwork", False) == (container["name"] == "switchboard-bridge")


def test_nobody_is_taken_away_before_there_is_another(
    cluster: Cluster, deployment: Object, service: str
) -> None:
    spec = deployment["spec"]
    assert spec["strategy"] == {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
    labels = spec["template"]["metadata"]["labels"]
    assert spec["selector"]["matchLabels"].items() <= labels.items()
    budget = cluster.one("PodDisruptionBudget", *DEPLOYMENTS[service])["spec"]
    assert budget["selector"] == spec["selector"]
    # Phone calls end with their bridge; all else is taken over, if there is somebody.
    assert budget["maxUnavailable"] == (0 if service == "bridge" else 1)
    assert spec["replicas"] == (1 if service == "bridge" else 2)


def test_the_bridge_has_the_ports_that_peers_are_told(
    cluster: Cluster, compose: dict[str, Any]
) -> None:
    bridge = cluster.one("Deployment", *DEPLOYMENTS["bridge"])
    assert pod_of(bridge)["dnsPolicy"] == "ClusterFirstWithHostNet"
    assert pod_of(bridge)["nodeSelector"]
    ports = container_of(bridge)["ports"]
    assert all(port["hostPort"] == port["containerPort"] for port in ports)
    first, last = map(int, own_environment(bridge)["BRIDGE_RTP_PORTS"].split("-"))
    heard = {f"{port['hostPort']}/{port.get('protocol', 'TCP').lower()}" for port in ports}
    published = {str(port).rpartition(":")[2] for port in compose["bridge"]["ports"]}
    assert published | {"8084/tcp"} == heard | {f"{port}/udp" for port in range(first, last + 1)}


def test_agents_find_the_api(cluster: Cluster) -> None:
    (api,) = cluster.of_kind("Service")
    (port,) = api["spec"]["ports"]
    meta = api["metadata"]
    address = f"http://{meta['name']}.{meta['namespace']}.svc:{port['port']}"
    behind = cluster.one("Deployment", *DEPLOYMENTS["api"])
    assert api["spec"]["selector"] == behind["spec"]["selector"]["matchLabels"]
    assert port["targetPort"] in {each["name"] for each in container_of(behind)["ports"]}
    for name in ("atlas", "media-bot"):
        own = own_environment(cluster.one("Deployment", *DEPLOYMENTS[name]))
        assert {own[each] for each in own.keys() & {"INTERNAL_API_URL", "COMPASS_URL"}} == {address}
    for name in ("api", "worker"):
        own = own_environment(cluster.one("Deployment", *DEPLOYMENTS[name]))
        assert own["MEDIA_ASSETS_URL"] == address
    media_bot = own_environment(cluster.one("Deployment", *DEPLOYMENTS["media-bot"]))
    assert media_bot["MEDIA_ASSET_HOSTS"] == address.removeprefix("http://")


def test_workers_of_two_builds_stand_side_by_side(cluster: Cluster, worker_build: Cluster) -> None:
    plain = cluster.one("Deployment", *DEPLOYMENTS["worker"])
    of_build = worker_build.one("Deployment", "dps", "switchboard-worker-2")
    versions = {"WORKER_VERSIONING": "on", "WORKER_BUILD_ID": "2"}
    assert own_environment(of_build) == own_environment(plain) | versions
    assert container_of(of_build)["image"] == "switchboard:2"
    chosen = of_build["spec"]["selector"]["matchLabels"]
    assert not chosen.items() <= plain["spec"]["template"]["metadata"]["labels"].items()
    (budget,) = worker_build.of_kind("PodDisruptionBudget")
    assert budget["spec"]["selector"]["matchLabels"] == chosen
    assert mounted_secrets(of_build) == mounted_secrets(plain)


def test_the_page_names_what_there_is(cluster: Cluster, worker_build: Cluster) -> None:
    text = PAGE.read_text()
    there = {
        each["metadata"]["name"]
        for each in [*cluster.of_kind("Deployment"), *worker_build.of_kind("Deployment")]
    }
    assert set(re.findall(r"deploy/((?:switchboard|livekit)-[\w-]+)", text)) <= there
    for name, container in re.findall(r"set image deploy/(\S+) (\S+)=", text):
        assert name == container
    media_bot = "livekit-media-bot-service"
    command = f"kubectl set image deploy/{media_bot} {media_bot}=<image>:<sha> -n livekit"
    assert command in text

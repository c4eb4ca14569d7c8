"""deploy/kubernetes as Kubernetes would be given it: built by kustomize, in a copy."""

from __future__ import annotations

import base64
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from sandbox.stack.servers import GoProgram, go_program
from tests.deploy.compose import CHECKOUT

FOLDER = CHECKOUT / "deploy" / "kubernetes"
VERSION = "1.37"
"""The newest Kubernetes whose schemas kubernetes-validate has."""

# What an installation fills in; all else of the examples has a value, or may stay empty.
FILLED_IN = {
    "LIVEKIT_URL": "ws://livekit.example.com:7880",
    "LIVEKIT_API_KEY": "switchboard",
    "TEMPORAL_ADDRESS": "temporal.example.com:7233",
    "S3_ENDPOINT": "https://s3.example.com",
    "PUBLIC_API_URL": "https://api.example.com",
    "LIVEKIT_PUBLIC_URL": "wss://livekit.example.com",
    "S3_PUBLIC_URL": "https://s3.example.com",
    "PAYLOAD_KEYS": "k1:" + base64.b64encode(bytes(32)).decode(),
    "LIVEKIT_API_SECRET": "s" * 32,
    "DATABASE_URL": "postgresql+asyncpg://a:b=c@postgres.example.com:5432/switchboard",
    "CALL_TOKEN_SECRET": "c" * 32,
    "S3_ACCESS_KEY_ID": "id",
    "S3_SECRET_ACCESS_KEY": "key",
    "BOOTSTRAP_API_KEY": "sk_" + "b" * 48,
    "DEEPGRAM_API_KEY": "d",
    "GROQ_API_KEY": "g",
    "ELEVEN_API_KEY": "e",
    "ELEVENLABS_API_KEY": "e",  # the same key, as Media Bot's document names it
}

Object = dict[str, Any]


class _Kustomize(GoProgram):
    @property
    def built_as(self) -> str:
        """The last folder is the module's major version, which `go install` leaves out."""
        return self.name


KUSTOMIZE = _Kustomize("kustomize", "5.8.1", "sigs.k8s.io/kustomize/kustomize/v5")


def copied_and_filled_in(into: Path) -> Path:
    """The example overlay, as docs/deploy_kubernetes.md has it."""
    shutil.copytree(FOLDER, into, ignore=shutil.ignore_patterns("*.env"))
    overlay = into / "overlays" / "example"
    for example in overlay.glob("*.example"):
        lines = (_filled_in(line) for line in example.read_text().splitlines())
        example.with_suffix("").write_text("\n".join(lines) + "\n")
    return overlay


def _filled_in(line: str) -> str:
    name, equals, value = line.partition("=")
    return f"{name}={value or FILLED_IN.get(name, '')}" if equals and name.isupper() else line


def build(folder: Path) -> list[Object]:
    program = go_program(KUSTOMIZE, print)
    built = subprocess.run(
        [program, "build", folder], capture_output=True, text=True, timeout=60, check=False
    )
    assert built.returncode == 0, built.stderr
    return list(yaml.safe_load_all(built.stdout))


@dataclass(frozen=True, slots=True)
class Cluster:
    """What was built."""

    objects: list[Object]

    def of_kind(self, kind: str) -> Iterator[Object]:
        return (each for each in self.objects if each["kind"] == kind)

    def one(self, kind: str, namespace: str, name: str) -> Object:
        (found,) = (
            each
            for each in self.of_kind(kind)
            if (each["metadata"]["namespace"], each["metadata"]["name"]) == (namespace, name)
        )
        return found

    def config(self, namespace: str) -> dict[str, str]:
        return dict(self.one("ConfigMap", namespace, "ai-configs")["data"])

    def secrets(self, namespace: str) -> dict[str, str]:
        data = self.one("Secret", namespace, "ai-secrets")["data"]
        return {name: base64.b64decode(value).decode() for name, value in data.items()}


def pod_of(deployment: Object) -> Object:
    pod: Object = deployment["spec"]["template"]["spec"]
    return pod


def container_of(deployment: Object) -> Object:
    (container,) = pod_of(deployment)["containers"]
    return dict(container)


def own_environment(deployment: Object) -> dict[str, str]:
    """What the Deployment says itself, what it takes of pod and node as the kubelet would."""
    container = container_of(deployment)
    requested = container["resources"]["requests"]
    taken = {"status.hostIP": "10.0.0.7"}

    def value_of(variable: Object) -> str:
        match variable:
            case {"value": value}:
                return str(value)
            case {"valueFrom": {"fieldRef": {"fieldPath": path}}}:
                if label := re.fullmatch(r"metadata\.labels\['(.+)'\]", path):
                    return str(deployment["spec"]["template"]["metadata"]["labels"][label[1]])
                return taken[path]
            case {"valueFrom": {"resourceFieldRef": {"resource": "requests.cpu"}}}:
                return str(requested["cpu"])
        raise AssertionError(variable)

    return {variable["name"]: value_of(variable) for variable in container["env"]}


def mounted_secrets(deployment: Object) -> dict[str, str]:
    """{file in the container: key of `ai-secrets`}"""
    (volume,) = (each for each in pod_of(deployment)["volumes"] if "secret" in each)
    assert volume["secret"]["secretName"] == "ai-secrets"
    (mount,) = (
        each
        for each in container_of(deployment)["volumeMounts"]
        if each["name"] == volume["name"] and each["readOnly"]
    )
    return {f"{mount['mountPath']}/{i['path']}": i["key"] for i in volume["secret"]["items"]}

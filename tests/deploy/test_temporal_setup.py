"""What the one-shots bring to Temporal: the namespace script on a real server, and its lists."""

from __future__ import annotations

import asyncio
import os
import subprocess
from pathlib import Path

import pytest
import yaml
from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client

from sandbox.stack import Stack, commands, servers
from tests.deploy.compose import CHECKOUT
from tests.e2e.switchboard import eventually

pytestmark = pytest.mark.slow  # waits for a server that is away

TEMPORAL = CHECKOUT / "deploy" / "temporal"


def listed() -> dict[str, str]:
    lines = (TEMPORAL / "search_attributes").read_text().splitlines()
    return dict(line.split() for line in lines)  # type: ignore[misc]


def test_the_search_attributes_are_the_codes() -> None:
    assert listed() == commands.search_attributes()


def test_the_dynamic_configuration_is_what_the_embedded_server_is_tested_with() -> None:
    production = {
        key: str(values[0]["value"]).lower()
        for key, values in yaml.safe_load((TEMPORAL / "dynamic_config.yaml").read_text()).items()
    }
    for_tests_only = {"frontend.WorkflowTimeSkippingEnabled"}
    embedded = commands.DYNAMIC_CONFIG
    assert production == {k: v for k, v in embedded.items() if k not in for_tests_only}


def make_namespace(address: str, name: str, retention: str) -> subprocess.CompletedProcess[str]:
    tools = Path(servers.temporal()).parent
    return subprocess.run(
        [TEMPORAL / "namespace"],
        env={
            "PATH": f"{tools}:{os.environ['PATH']}",
            "HOME": os.environ["HOME"],
            "TEMPORAL_ADDRESS": address,
            "TEMPORAL_NAMESPACE": name,
            "TEMPORAL_RETENTION": retention,
            "TEMPORAL_PATIENCE_SECONDS": "3",
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.stack
async def test_the_namespace_is_made_once_and_kept_in_step(tmp_path: Path) -> None:
    async with Stack(tmp_path, free_ports=True, only=["temporal"]) as stack:
        address = stack.description.temporal_address
        for retention, days in (("30d", 30), ("90d", 90)):
            done = make_namespace(address, "production", retention)
            assert done.returncode == 0, done.stderr + done.stdout
            client = await Client.connect(address, namespace="production")
            described = await client.workflow_service.describe_namespace(
                DescribeNamespaceRequest(namespace="production")
            )
            kept = described.config.workflow_execution_retention_ttl.ToTimedelta()
            assert kept.days == days
        found = await client.operator_service.list_search_attributes(
            ListSearchAttributesRequest(namespace="production")
        )
        assert set(found.custom_attributes) == set(listed())

        # A type cannot be changed afterwards, and every call would hang: so it is told at once.
        operator = [servers.temporal(), "operator"]
        there = ["--address", address, "--namespace", "strange"]
        assert await succeeds(*operator, "namespace", "create", *there)
        attribute = ["search-attribute", "create", "--name", "TenantId", "--type", "Int"]
        await eventually(
            lambda: succeeds(*operator, *attribute, *there), timeout=20, otherwise="not created"
        )
        refused = make_namespace(address, "strange", "30d")
        assert refused.returncode == 1
        assert "TenantId is Int in the namespace strange; it must be Keyword" in refused.stderr


async def succeeds(*command: str) -> bool:
    process = await asyncio.create_subprocess_exec(*command)
    return await process.wait() == 0


def test_a_server_that_is_away_is_named() -> None:
    refused = make_namespace("127.0.0.1:9", "production", "30d")
    assert refused.returncode == 1
    assert "Temporal does not answer at 127.0.0.1:9" in refused.stderr

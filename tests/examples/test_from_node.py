"""The components in a Node.js program on the real engine, through the hosted package."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from acr_transfer.model.documents.handover import Handover
from sandbox.cloud.paths import Paths
from setup import node_sdk
from tests.examples.conftest import Copy
from tests.examples.example import Example, resource_ids

DRIVER = Path(__file__).with_name("inline.js")
"""Stands in for the vendor's language host of Node.js."""


def test_a_node_program_deploys_a_source_side(copied: Copy, checkout: Path, paths: Paths) -> None:
    before = resource_ids(paths)
    example = copied("from-node")
    example.environment = {**example.environment, "NODE_PATH": str(node_modules(checkout, paths.cache))}
    outputs = ran(example, "up")["outputs"]
    assert [run["status"] for run in outputs["runs"]] == ["Succeeded"]
    handover = example.folder / "handover.json"
    handover.write_text(json.dumps(outputs["handover"]))
    assert [blob.artifacts for blob in Handover.read(handover).blobs] == [
        ("shop/orders:1.0.0", "shop/orders:1.1.0")
    ]
    assert set(ran(example, "up")["changes"]) == {"same"}
    assert "sig=" not in example.said
    ran(example, "destroy")
    assert resource_ids(paths) == before


def node_modules(checkout: Path, cache: Path) -> Path:
    """The folder of Pulumi's SDK for Node.js, or a skip with the command that installs it."""
    package = json.loads((checkout / "examples" / "from-node" / "package.json").read_text())
    assert package["dependencies"]["@pulumi/pulumi"] == node_sdk.VERSION
    for place in (checkout / "examples" / "from-node", cache / "node-sdk" / node_sdk.VERSION):
        if (place / "node_modules" / "@pulumi" / "pulumi").is_dir():
            return place / "node_modules"
    pytest.skip("Pulumi's SDK for Node.js is not installed: python3 -m setup node-sdk")


def ran(example: Example, verb: str) -> dict[str, Any]:
    """Run the program; returns its outputs and the number of changes of each kind."""
    output = example.run("node", str(DRIVER), str(example.folder), "from-node", verb)
    result: dict[str, Any] = json.loads(output[output.rindex('{"outputs"') :])
    return result

"""The ways out of failed imports, into a registry that the tests may change."""

from __future__ import annotations

import pytest

from sandbox.cloud.definitions import TARGET
from sandbox.cloud.paths import Paths
from tests.engine.projects import Project
from tests.sandbox.faults.control import choice
from tests.sandbox.transfer.side import SandboxSide
from tests.ways_out.pair import Pair, leads_out

REGISTRY = "waysouttarget"


@pytest.fixture(scope="module")
def side(paths: Paths) -> SandboxSide:
    """The target registry of this module."""
    made = SandboxSide(paths, "target", "waysoutimports").build()
    made.registry_name = REGISTRY
    body = {"location": TARGET.location, "sku": {"name": "Premium"}, "properties": {}}
    made.arm("PUT", made.registry_path(), body, "2025-06-01-preview")
    return made


@pytest.fixture(scope="module")
def pair(project: Project, paths: Paths, side: SandboxSide) -> Pair:
    """A pair that imports into that registry, without the option OverwriteTags."""
    target = {"registry": REGISTRY, "registryResourceGroup": side.name, "options": ["ContinueOnErrors"]}
    return Pair(project, paths, "wimports").deploy(target)


@leads_out("tag-exists")
def test_a_tag_with_other_content_is_overwritten(pair: Pair, side: SandboxSide) -> None:
    side.image("shop/web", "1.0.0", b"other content")
    pair.demand_run("target")
    pair.check(pair.up("target", good=False), "tag-exists")
    pair.follow(pair.status(), "tag-exists", side="target")
    pair.status(code=0)
    pair.works("target")
    pair.command("prove", *pair.both, code=0)


@leads_out("too-many-artifacts")
def test_a_run_of_another_program_is_removed(pair: Pair) -> None:
    azure, pipeline = pair.azure("source"), pair.project.outputs(pair.source)["exportPipelineId"]
    artifacts = [f"shop/web:{number}" for number in range(51)]
    storage = {"type": "AzureStorageBlob", "name": "large"}
    request = {"pipelineResourceId": pipeline, "artifacts": artifacts, "target": storage}
    with choice(pair.paths, "source", "bad-run", "run"):
        azure.ask("PUT", f"{azure.registry}/pipelineRuns/large51", {"properties": {"request": request}})
    pair.follow(pair.status(), "too-many-artifacts", side="source")
    pair.status(code=0)
    pair.works("source")

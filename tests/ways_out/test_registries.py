"""The ways out of faults of a registry and of the artifacts in it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sandbox.cloud.definitions import SOURCE
from sandbox.cloud.paths import Paths
from sandbox.faults.control import set_fault
from sandbox.faults.fault import InjectedFault
from sandbox.registry.oci_client import Manifest
from tests.engine.projects import Project
from tests.sandbox.faults.control import fault
from tests.sandbox.transfer.side import SandboxSide
from tests.ways_out.pair import FEW, Pair, leads_out

REGISTRY = "waysoutsource"


@pytest.fixture(scope="module")
def side(paths: Paths) -> SandboxSide:
    """A source registry of this module, which its tests may change."""
    return registry(paths, "waysoutregistry", REGISTRY)


def registry(paths: Paths, group: str, name: str, **properties: Any) -> SandboxSide:
    """A new source registry with two images."""
    made = SandboxSide(paths, "source", group).build()
    made.registry_name = name
    put(made)
    made.image("shop/web", "1.0.0")
    made.image("shop/web", "1.1.0")
    put(made, **properties)
    return made


def put(side: SandboxSide, tier: str = "Premium", **properties: Any) -> None:
    """Create or change the registry."""
    body = {"location": SOURCE.location, "sku": {"name": tier}, "properties": properties}
    side.arm("PUT", side.registry_path(), body, "2025-06-01-preview")


@pytest.fixture(scope="module")
def pair(project: Project, paths: Paths, side: SandboxSide) -> Pair:
    """A deployed source stack that exports from that registry."""
    pair = exporting(project, paths, side, "wregistry")
    pair.up("source")
    return pair


def exporting(project: Project, paths: Paths, side: SandboxSide, name: str) -> Pair:
    """A source stack that exports from a registry and is not deployed."""
    pair = Pair(project, paths, name)
    pair.project.source(pair.source, FEW, registry=side.registry_name, registryResourceGroup=side.name)
    return pair


@leads_out("exports-disabled")
def test_disabled_exports_are_enabled_before_anything_is_created(project: Project, paths: Paths) -> None:
    closed = {"publicNetworkAccess": "Disabled", "policies": {"exportPolicy": {"status": "disabled"}}}
    side = registry(paths, "waysoutclosed", "waysoutclosed", **closed)
    pair = exporting(project, paths, side, "wexports")
    pair.follow(pair.up("source", good=False), "exports-disabled", side="source")
    pair.works("source")


@leads_out("not-premium")
def test_a_registry_of_another_tier_is_changed_to_premium(pair: Pair, side: SandboxSide) -> None:
    put(side, "Standard")
    pair.demand_run("source")
    pair.check(pair.up("source", good=False), "not-premium")
    pair.follow(pair.command("doctor", *pair.both, "--only", "source", code=14), "not-premium", side="source")
    pair.doctor("source", code=0)
    pair.works("source")


@leads_out("artifact-missing")
def test_a_misspelt_artifact_is_corrected(pair: Pair) -> None:
    pair.set("source", "acr-transfer:artifacts[1]", "shop/wbe:1.1.0", "--path")
    pair.check(pair.up("source", good=False), "artifact-missing")
    said = pair.status("source")
    pair.follow(said, "artifact-missing", side="source", item="1", artifact="shop/web:1.1.0")
    pair.doctor("source", code=0)
    pair.works("source")


@leads_out("artifact-unsupported")
def test_an_artifact_that_cannot_be_transferred_is_removed(pair: Pair, side: SandboxSide) -> None:
    side.push("shop/web", "large", with_large_layer(side.manifest("shop/web", "1.0.0")))
    pair.set("source", "acr-transfer:artifacts[1]", "shop/web:large", "--path")
    pair.check(pair.up("source", good=False), "artifact-unsupported")
    said = pair.status("source")
    pair.project.run("pulumi", "config", "rm", "--path", "acr-transfer:artifacts[1]", "-s", pair.source)
    pair.follow(said, "artifact-unsupported", side="source")
    assert "warning" not in pair.doctor("source", code=0)
    pair.works("source")


def with_large_layer(image: Manifest) -> Manifest:
    """An image whose layer has 9 GB according to its manifest."""
    document = json.loads(image.body)
    layer = {**document["layers"][0], "size": 9 * 10**9}
    return Manifest(image.media_type, json.dumps({**document, "layers": [layer]}).encode())


@leads_out("artifact-unreadable")
def test_a_locked_artifact_is_unlocked(pair: Pair) -> None:
    # The sandbox has no locks: a fault refuses to read the artifact as a lock does.
    lock = InjectedFault(endpoint="registry", path="/v2/shop/web/manifests/1.0.0", status=405)
    set_fault(pair.paths, "source", lock)
    pair.demand_run("source")
    pair.follow(pair.doctor("source"), "artifact-unreadable", side="source")
    pair.doctor("source", code=0)
    pair.up("source")
    pair.works("source")


@leads_out("service-busy")
def test_a_busy_service_is_waited_for(pair: Pair) -> None:
    pair.demand_run("source")
    with fault(pair.paths, "source", "registry", status=503):
        said = pair.up("source", good=False)
    pair.follow(said, "service-busy", side="source")
    pair.works("source")


@leads_out("unknown")
def test_an_unknown_message_leads_to_what_support_needs(pair: Pair) -> None:
    pair.demand_run("source")
    with fault(pair.paths, "source", "storage", path="/transfer", status=500, code="InternalError"):
        said = pair.up("source", good=False)
    pair.follow(said, "unknown", side="source")
    pair.works("source")


@leads_out("registry-missing")
def test_the_name_of_a_missing_registry_is_corrected(pair: Pair) -> None:
    pair.set("source", "acr-transfer:registry", "waysoutsuorce")
    pair.follow(pair.up("source", good=False), "registry-missing", side="source", name=REGISTRY)
    pair.works("source")


@leads_out("registry-role")
def test_a_registry_with_roles_on_repositories_gets_a_role(pair: Pair, side: SandboxSide) -> None:
    put(side, roleAssignmentMode="AbacRepositoryPermissions")
    pair.demand_run("source")
    pair.check(pair.doctor("source"), "role-assignment-mode")
    pair.follow(pair.up("source", good=False), "registry-role", side="source")
    pair.works("source")

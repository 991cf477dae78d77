"""The ways out of faults of a pipeline and of its identity."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sandbox.arm.resource_id import ResourceId
from sandbox.cloud.definitions import SOURCE
from sandbox.cloud.paths import Paths
from tests.engine.existing import Existing
from tests.engine.projects import Project
from tests.rights.callers import opened
from tests.ways_out.pair import Pair, leads_out


@pytest.fixture(scope="module")
def pair(project: Project, paths: Paths) -> Pair:
    """A pair without tokens."""
    managed = {"storageAccess": "ManagedIdentity", "sasExpiry": ""}
    return Pair(project, paths, "wpipelines").deploy(managed, **managed)


def alter(pair: Pair, change: Callable[[dict[str, Any]], object]) -> None:
    """Change the pipeline as Azure shows it, where no request can."""
    id = ResourceId.parse(pair.project.outputs(pair.source)["exportPipelineId"])
    assert id
    with opened(SOURCE, pair.paths) as cloud:
        body = cloud.resources.get(id)
        assert body
        change(body)
        cloud.resources.put(id, "Microsoft.ContainerRegistry/registries/exportPipelines", body)


ALTERED: dict[str, Callable[[dict[str, Any]], object]] = {
    "no-identity": lambda body: body.pop("identity"),
    "unknown-option": lambda body: body["properties"].update(options=["OverwriteTags"]),
}


@leads_out(*ALTERED)
@pytest.mark.parametrize("name", ALTERED)
def test_an_altered_pipeline_is_restored(pair: Pair, name: str) -> None:
    alter(pair, ALTERED[name])
    pair.demand_run("source")
    pair.follow(pair.doctor("source"), name, side="source")
    pair.doctor("source", code=0)
    pair.works("source")


@leads_out("pipeline-failed")
def test_a_pipeline_that_is_not_provisioned_is_replaced(pair: Pair) -> None:
    alter(pair, lambda body: body["properties"].update(provisioningState="Failed"))
    pair.demand_run("source")
    pair.check(pair.doctor("source"), "pipeline-failed")
    pair.follow(pair.status(), "pipeline-failed", side="source", name="wpipelinesother")
    pair.status(code=0)
    pair.doctor("source", code=0)
    pair.works("source")


@leads_out("pipeline-missing")
def test_a_deleted_pipeline_is_created_again(pair: Pair) -> None:
    name = pair.project.outputs(pair.source)["exportPipelineId"].rpartition("/")[2]
    Existing.of(pair.paths, SOURCE, f"tests-{pair.source}").delete_pipeline(name)
    pair.check(pair.status(), "pipeline-missing")
    pair.follow(pair.doctor("source"), "pipeline-missing", side="source")
    pair.status(code=0)
    pair.doctor("source", code=0)
    pair.works("source")


@leads_out("container-role")
def test_a_removed_role_is_assigned_again(pair: Pair) -> None:
    azure = pair.azure("source")
    for id in azure.ids("Microsoft.Authorization/roleAssignments", f"{pair.account('source')}/"):
        azure.ask("DELETE", id)
    pair.demand_run("source")
    pair.follow(pair.doctor("source"), "container-role", side="source")
    pair.doctor("source", code=0)
    pair.works("source")

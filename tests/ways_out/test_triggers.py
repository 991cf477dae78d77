"""The ways out of faults of a target whose trigger imports."""

from __future__ import annotations

import pytest

from sandbox.cloud.paths import Paths
from tests.engine.projects import Project
from tests.ways_out.pair import Pair, leads_out


@pytest.fixture(scope="module")
def pair(project: Project, paths: Paths) -> Pair:
    """A pair whose trigger has imported the blob."""
    made = Pair(project, paths, "wtriggers").deploy({"sourceTriggerStatus": "Enabled"})
    made.command("prove", *made.both, "--wait", "120", code=0)
    return made


@leads_out("pipeline-replaced")
def test_a_replaced_pipeline_is_deleted_after_the_runs_of_its_trigger(pair: Pair) -> None:
    pair.set("target", "acr-transfer:pipeline", "renamedtarget")
    assert "Pipeline runs name the pipeline" in pair.up("target", good=False)
    pair.follow(pair.doctor("target"), "pipeline-replaced", side="target")
    pair.doctor("target", code=0)
    assert "- azure-native" not in pair.project.run("pulumi", "preview", "--stack", pair.target)
    pair.command("prove", *pair.both, code=0)

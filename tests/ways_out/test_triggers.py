"""The ways out of faults of a target whose trigger imports."""

from __future__ import annotations

import time

import pytest

from sandbox.cloud.paths import Paths
from tests.engine.projects import Project
from tests.sandbox.faults.control import fault
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


@leads_out("import-failed")
def test_a_blob_whose_import_failed_is_copied_again(pair: Pair, paths: Paths) -> None:
    before = exported(pair)
    pair.set("source", "acr-transfer:artifacts[1]", "shop/api:1.0.0", "--path")
    pair.up("source")
    (blob,) = exported(pair) - before
    # The service reads with a SAS token, `hop` without one.
    with fault(paths, "target", "storage", path=f"/{blob}?s", method="GET", firewall=True):
        pair.command("hop", *pair.both, code=0)
        failed_run(pair, blob)
    # The cause is gone, and the trigger still does nothing.
    pair.command("prove", *pair.both, code=3)
    pair.check(pair.status("target"), "storage-firewall")
    pair.follow(pair.doctor("target"), "import-failed", side="target")
    pair.command("prove", *pair.both, "--wait", "120", code=0)
    pair.doctor("target", code=0)
    pair.status(code=0)


def exported(pair: Pair) -> set[str]:
    """The blobs in the source's hand-over."""
    return {blob["name"] for blob in pair.project.outputs(pair.source)["handover"]["blobs"]}


def failed_run(pair: Pair, blob: str) -> None:
    """Wait until the trigger's run of a blob has failed."""
    for _ in range(60):
        said = pair.project.attempt("acr-transfer", "status", *pair.both, "--only", "target").stdout
        if any(blob in line and "Failed" in line for line in said.splitlines()):
            return
        time.sleep(1)
    raise AssertionError(said)

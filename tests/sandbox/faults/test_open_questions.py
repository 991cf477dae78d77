"""Every answer to every open question about Azure's behavior can be chosen."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from sandbox.cloud.paths import Paths
from sandbox.faults.open_questions import OPEN_QUESTIONS
from tests.sandbox.failures.requests import changes_at_once
from tests.sandbox.failures.scenarios import NO_ERROR
from tests.sandbox.failures.vaults import through_firewall
from tests.sandbox.faults import control
from tests.sandbox.transfer.side import MODES_VERSION, SAS_VERSION, Json, SandboxSide, until


@pytest.fixture(scope="module")
def side(paths: Paths) -> SandboxSide:
    found = SandboxSide(paths, "source", "points").build()
    found.image("points/app", "1")
    return found


def _operation_of_a_failed_run(side: SandboxSide) -> object:
    pipeline = side.pipeline("export", "out")
    body = side.run_request(pipeline, pipeline, "points/nothing:1")
    answer = side.request("PUT", side.registry_path("pipelineRuns", f"of{pipeline}"), body)
    path = answer.headers["Azure-AsyncOperation"].partition("/subscriptions/")[2].partition("?")[0]
    below = f"/{path.partition('/')[2]}"
    assert side.ended(f"of{pipeline}")["response"]["status"] == "Failed"
    return until(lambda: side.arm("GET", below)["status"], lambda status: status != "Creating")


def _repeat_of_a_failed_run(side: SandboxSide) -> object:
    pipeline = side.pipeline("export", "out", "OverwriteBlobs")
    path, artifact = side.registry_path("pipelineRuns", f"same{pipeline}"), f"points/{pipeline.lower()}"
    body = side.run_request(pipeline, pipeline, f"{artifact}:1")
    side.arm("PUT", path, body)
    assert side.ended(f"same{pipeline}")["response"]["status"] == "Failed"
    side.image(artifact, "1")
    side.arm("PUT", path, body)
    return side.ended(f"same{pipeline}")["response"]["status"]


def _partial_run(side: SandboxSide) -> object:
    pipeline = side.pipeline("export", "out", "ContinueOnErrors")
    return side.run(pipeline, pipeline, "points/app:1", "points/nothing:1")["status"]


def _existing_tag(side: SandboxSide) -> object:
    pipeline = side.pipeline("export", "out", "OverwriteBlobs")
    side.run(pipeline, "tag", "points/app:1")
    side.image("points/app", "1")
    response = side.run(side.pipeline("import", "out"), "tag")
    return response["status"], response.get("importedArtifacts")


def _order_of_runs(side: SandboxSide) -> object:
    pipeline = side.pipeline("export", "out", "OverwriteBlobs")
    first, second = (side.start(pipeline, "order", "points/app:1") for _ in range(2))
    listed = [each["name"] for each in side.runs_of(pipeline)]
    return listed == [first, second]


def _registry_without_exports(side: SandboxSide) -> object:
    side = SandboxSide(side.paths, "source", side.name)
    side.registry_name = "contosopoints"
    good = {"location": side.definition.location, "sku": {"name": "Premium"}}
    closed = {"policies": {"exportPolicy": {"status": "disabled"}}, "publicNetworkAccess": "Disabled"}
    side.arm("PUT", side.registry_path(), {**good, "properties": closed})
    try:
        return _status(side, "points1", keyVaultUri="https://localhost:1/secrets/any")
    finally:
        side.arm("DELETE", side.registry_path())


def _status(side: SandboxSide, name: str, **place: Any) -> int:
    """The status of the PUT of a pipeline with these container properties."""
    whole: Json = {"type": "AzureStorageBlobContainer", "uri": f"{side.blob_url}/out", **place}
    body = {"identity": {"type": "SystemAssigned"}, "properties": {"target": whole}}
    return side.request("PUT", side.pipeline_path("export", name), body, MODES_VERSION).status_code


def _mode_after_an_old_update(side: SandboxSide) -> object:
    """The access mode of a pipeline with ManagedIdentity after an update by a version without the mode."""
    assert _status(side, "points4", storageAccessMode="ManagedIdentity") == 200
    path = side.pipeline_path("export", "points4")
    place = {"uri": f"{side.blob_url}/out", "keyVaultUri": "https://localhost:1/secrets/any"}
    body = {"identity": {"type": "SystemAssigned"}, "properties": {"target": place}}
    assert side.request("PUT", path, body, SAS_VERSION).status_code == 200
    found = side.request("GET", path, version=MODES_VERSION).json()
    return found["properties"]["target"]["storageAccessMode"]


def _missing_parent(side: SandboxSide) -> object:
    body: Json = {"properties": {"request": {}}}
    path = side.registry_path("pipelineRuns", "points").replace("contososource", "contosonowhere")
    return side.request("PUT", path, body).status_code


def _through_firewall(side: SandboxSide, *, user_assigned: bool) -> object:
    return through_firewall(side, user_assigned=user_assigned, artifact="points/app:1") == NO_ERROR


def _account_sas(side: SandboxSide) -> object:
    pipeline = side.pipeline("export", "out", token=side.account_sas("rawl", "sco"))
    return side.run(pipeline, pipeline, "points/app:1")["status"]


def _missing_container(side: SandboxSide) -> object:
    path = side.provider("Storage", "storageAccounts", side.account, "blobServices/default/containers/none")
    answer = side.request("GET", path)
    return answer.status_code, answer.json()["error"]["code"]


ANSWERS: dict[str, tuple[Callable[[SandboxSide], object], dict[str, object]]] = {
    "failed-run": (_operation_of_a_failed_run, {"failed": "Failed", "succeeded": "Succeeded"}),
    "same-failed-run": (_repeat_of_a_failed_run, {"leave": "Failed", "repeat": "Succeeded"}),
    "partial": (_partial_run, {"succeeded": "Succeeded", "failed": "Failed"}),
    "existing": (_existing_tag, {"fail": ("Failed", None), "skip": ("Succeeded", [])}),
    "old-version-update": (_mode_after_an_old_update, {"keep": "ManagedIdentity", "reset": "SasToken"}),
    "run-order": (_order_of_runs, {"oldest": True, "newest": False}),
    "unfit-registry": (_registry_without_exports, {"put": 400, "run": 200}),
    "vault-uri-unused": (
        lambda side: _status(side, "points2", storageAccessMode="ManagedIdentity", keyVaultUri="https://x/y"),
        {"keep": 200, "refuse": 400},
    ),
    "vault-uri-missing": (lambda side: _status(side, "points3"), {"refuse": 400, "run": 200}),
    "vault-system-identity": (
        partial(_through_firewall, user_assigned=False),
        {"refuse": False, "admit": True},
    ),
    "vault-user-identity": (partial(_through_firewall, user_assigned=True), {"refuse": False, "admit": True}),
    "account-sas": (_account_sas, {"refuse": "Failed", "accept": "Succeeded"}),
    "missing-container": (
        _missing_container,
        {"ContainerNotFound": (404, "ContainerNotFound"), "ResourceNotFound": (404, "ResourceNotFound")},
    ),
    "storage-operations": (
        lambda side: all(answer.ok for answer in changes_at_once(side)),
        {"exclusive": False, "parallel": True},
    ),
    "missing-parent": (_missing_parent, {"404": 404, "400": 400}),
}
ELSEWHERE = {
    "same-run",
    "delete-running",
    "delete-used",
    "bad-run",
    "progress",
    "trigger-category",
    "trigger-name",
    "polls",
    "page-size",
    "list-needs",
    "operation-needs",
    "run-needs-pipeline",
    "abac-pipeline",
    "other-cloud",
    "busy-copy-source",
}
"""Tested by the failures and the tests of the service, trigger, protocol, roles, registry and storage."""


@pytest.mark.parametrize("name", ANSWERS)
def test_every_answer_can_be_chosen(name: str, side: SandboxSide) -> None:
    observe, expected = ANSWERS[name]
    assert list(expected) == list(OPEN_QUESTIONS[name].values)
    for value, observed in expected.items():
        with control.choice(side.paths, "source", name, value):
            assert observe(side) == observed


def test_every_open_question_is_tested() -> None:
    assert set(OPEN_QUESTIONS) == {*ANSWERS, *ELSEWHERE}

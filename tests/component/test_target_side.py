"""The resources and outputs of a target side."""

from __future__ import annotations

from typing import Any, cast
from urllib.parse import parse_qs

import pulumi
import pytest

from acr_transfer.model.options import TriggerStatus
from components import TargetSide, TargetSideArgs
from tests.component.mock_azure import RUN, SECRET, Deploy, Deployed

BLOBS = [{"name": "one", "artifacts": ["app:1"]}, {"name": "two", "artifacts": ["lib:1"]}]
PIPELINE = ":containerregistry:ImportPipeline"


def args(**others: Any) -> TargetSideArgs:
    given = {
        "resource_group": "acr-transfer",
        "registry": "contosotarget",
        "registry_resource_group": "images",
        "sas_expiry": "2099-12-31T00:00:00Z",
        "blobs": BLOBS,
        **others,
    }
    return cast(TargetSideArgs, given)


def target(deploy: Deploy, arguments: TargetSideArgs | None = None, **differences: Any) -> Deployed:
    return deploy(lambda: TargetSide("transfer", arguments or args()).outputs, **differences)


def rights(deployed: Deployed) -> set[str]:
    token = deployed.one(SECRET).inputs["properties"]["value"]
    return set(parse_qs(token[1:])["sp"][0])


def test_the_outputs_are_those_of_the_contract_and_no_secret(deploy: Deploy) -> None:
    deployed = target(deploy)
    assert set(deployed.value) == {"loginServer", "containerUrl", "importPipelineId", "sasSecretUri", "runs"}
    assert not deployed.is_secret


def test_with_a_trigger_the_service_imports_and_the_stack_has_no_runs(deploy: Deploy) -> None:
    deployed = target(deploy)
    assert deployed.one(PIPELINE).inputs["trigger"] == {"sourceTrigger": {"status": "Enabled"}}
    assert deployed.all(RUN) == deployed.value["runs"] == []


def test_without_a_trigger_the_stack_imports_every_exported_blob(deploy: Deploy) -> None:
    deployed = target(deploy, args(source_trigger_status=TriggerStatus.DISABLED))
    requests = [run.inputs["request"] for run in deployed.all(RUN)]
    assert deployed.one(PIPELINE).inputs["trigger"] == {"sourceTrigger": {"status": "Disabled"}}
    assert sorted(request["source"]["name"] for request in requests) == ["one", "two"]
    assert all(not request.get("artifacts") for request in requests)
    assert [run["artifacts"] for run in deployed.value["runs"]] == [["app:1"], ["lib:1"]]


def test_a_blob_that_was_written_after_its_import_is_imported_again(deploy: Deploy) -> None:
    disabled = {"source_trigger_status": TriggerStatus.DISABLED}
    names = {run["blob"]: run["name"] for run in target(deploy, args(**disabled)).value["runs"]}
    started = {"status": "Succeeded", "startTime": "2026-11-29T12:00:00.5Z"}
    changes = {"one": "2026-11-29T12:00:01Z", "two": "2026-11-29T12:00:00Z"}
    earlier = dict.fromkeys(names.values(), started)
    deployed = target(deploy, args(**disabled, blob_changes=changes), earlier=earlier)
    tags = {
        run.inputs["request"]["source"]["name"]: run.inputs["forceUpdateTag"] for run in deployed.all(RUN)
    }
    assert tags["one"] == f"{tags['two']} after 2026-11-29T12:00:00.5Z"


def test_an_invalid_blob_is_an_error_with_its_place(deploy: Deploy) -> None:
    with pytest.raises(pulumi.RunError, match=r"blobs are invalid:\n  artifacts is missing"):
        target(deploy, args(source_trigger_status="Disabled", blobs=[{"name": "one"}]))


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (None, "rld"),
        (["OverwriteTags", "DeleteSourceBlobOnSuccess"], "rld"),
        (["OverwriteTags"], "rl"),
        ([], "rl"),
    ],
)
def test_the_token_can_delete_blobs_only_if_the_pipeline_does(
    deploy: Deploy, options: list[str] | None, expected: str
) -> None:
    others = {} if options is None else {"options": options}
    deployed = target(deploy, args(**others))
    assert rights(deployed) == set(expected)
    sent = deployed.one(PIPELINE).inputs.get("options", [])
    assert ("DeleteSourceBlobOnSuccess" in sent) == ("d" in expected)


def test_a_run_waits_for_the_grant(deploy: Deploy) -> None:
    deployed = target(deploy, args(source_trigger_status=TriggerStatus.DISABLED))
    assert all(any("AccessPolicy" in urn for urn in run.dependencies) for run in deployed.all(RUN))


def test_a_registry_with_exports_disabled_can_be_a_target(deploy: Deploy) -> None:
    target(deploy, registry={"policies": {"exportPolicy": {"status": "disabled"}}})


def test_a_registry_below_premium_fails_before_anything_is_created(deploy: Deploy) -> None:
    with pytest.raises(pulumi.RunError, match="needs Premium"):
        target(deploy, registry={"sku": {"name": "Standard", "tier": "Standard"}})
    assert deploy.last.custom == []

"""What a target stack deploys."""

from __future__ import annotations

from typing import Any, cast
from urllib.parse import parse_qs

import pulumi
import pytest

from components import TargetSide, TargetSideArgs
from components.choices import TriggerStatus
from tests.component.mock_azure import RUN, SECRET, Deploy, Deployed

BLOBS = [{"name": "one", "artifacts": ["app:1"]}, {"name": "two", "artifacts": ["lib:1"]}]
PIPELINE = ":containerregistry:ImportPipeline"


def args(**others: Any) -> TargetSideArgs:
    given = {
        "resource_group_name": "acr-transfer",
        "registry_name": "contosotarget",
        "registry_resource_group_name": "images",
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


def test_with_its_trigger_the_service_imports_and_the_stack_makes_no_run(deploy: Deploy) -> None:
    deployed = target(deploy)
    assert deployed.one(PIPELINE).inputs["trigger"] == {"sourceTrigger": {"status": "Enabled"}}
    assert deployed.all(RUN) == deployed.value["runs"] == []


def test_without_its_trigger_the_stack_imports_every_blob_that_was_exported(deploy: Deploy) -> None:
    deployed = target(deploy, args(source_trigger_status=TriggerStatus.DISABLED))
    requests = [run.inputs["request"] for run in deployed.all(RUN)]
    assert deployed.one(PIPELINE).inputs["trigger"] == {"sourceTrigger": {"status": "Disabled"}}
    assert sorted(request["source"]["name"] for request in requests) == ["one", "two"]
    assert all(not request.get("artifacts") for request in requests)
    assert [run["artifacts"] for run in deployed.value["runs"]] == [["app:1"], ["lib:1"]]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (None, "rld"),
        (["OverwriteTags", "DeleteSourceBlobOnSuccess"], "rld"),
        (["OverwriteTags"], "rl"),
        ([], "rl"),
    ],
)
def test_the_token_may_delete_only_if_the_pipeline_does(
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


def test_a_registry_that_lets_nothing_out_may_be_a_target(deploy: Deploy) -> None:
    target(deploy, registry={"policies": {"exportPolicy": {"status": "disabled"}}})


def test_a_registry_without_pipelines_is_refused_before_anything_is_made(deploy: Deploy) -> None:
    with pytest.raises(pulumi.RunError, match="needs Premium"):
        target(deploy, registry={"sku": {"name": "Standard", "tier": "Standard"}})
    assert deploy.last.custom == []

"""What a source stack deploys."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime
from typing import Any, cast
from urllib.parse import parse_qs

import pulumi
import pytest

from components import SourceSide, SourceSideArgs
from components.choices import Direction
from components.handover import handover_document
from components.sas import container_sas, permissions
from tests.component.mock_azure import ACCOUNT_KEY, RUN, SECRET, Deploy, Deployed

MANY = [f"team/app{number}:1" for number in range(51)]
CONTRACT = {"loginServer", "containerUrl", "exportPipelineId", "sasSecretUri", "runs", "handover"}


def args(**others: Any) -> SourceSideArgs:
    given = {
        "resource_group_name": "acr-transfer",
        "registry_name": "contososource",
        "registry_resource_group_name": "images",
        "sas_expiry": "2099-12-31T00:00:00Z",
        "artifacts": ["app:1", "lib"],
        **others,
    }
    return cast(SourceSideArgs, given)


def source(deploy: Deploy, arguments: SourceSideArgs | None = None, **differences: Any) -> Deployed:
    return deploy(lambda: SourceSide("transfer", arguments or args()).outputs, **differences)


def token_of(deployed: Deployed) -> str:
    return str(deployed.one(SECRET).inputs["properties"]["value"])


def failed(name: str) -> dict[str, Any]:
    return {"status": "Failed", "pipelineRunErrorMessage": "manifest of lib:latest not found"}


def test_the_token_opens_one_container_over_https_with_the_rights_of_an_export_until_its_expiry(
    deploy: Deploy,
) -> None:
    token = token_of(source(deploy))
    assert token.startswith("?")
    fields = {key: values[0] for key, values in parse_qs(token[1:], strict_parsing=True).items()}
    assert (fields["sr"], fields["spr"], fields["se"]) == ("c", "https", "2099-12-31T00:00:00Z")
    assert set(fields["sp"]) == set("rawl")
    assert "srt" not in fields


def test_the_token_is_signed_with_the_accounts_first_key(deploy: Deploy) -> None:
    rights, expiry = permissions(Direction.EXPORT), datetime(2099, 12, 31, tzinfo=UTC)
    signed = container_sas("transferabcdefghijkl", "transfer", ACCOUNT_KEY, rights, expiry)
    assert token_of(source(deploy)) == signed


def test_the_token_is_a_secret_where_it_goes_and_goes_nowhere_else(deploy: Deploy) -> None:
    deployed = source(deploy)
    assert deployed.one(SECRET).secret_paths
    signature = token_of(deployed).partition("sig=")[2]
    assert signature in str(deployed.made)
    others = [each for each in deployed.made if each.typ != SECRET]
    assert signature not in str(others)
    assert signature not in str(deployed.outputs) + str(deployed.value)
    assert not deployed.is_secret


def test_the_outputs_are_those_of_the_contract_and_no_secret(deploy: Deploy) -> None:
    deployed = source(deploy)
    assert set(deployed.value) == CONTRACT
    assert set(deployed.value["runs"][0]) == {
        "name", "id", "blob", "artifacts", "status", "error", "started", "finished",
    }  # fmt: skip
    assert deployed.value["handover"] == handover_document(
        "images.example",
        deployed.value["containerUrl"],
        [{"name": deployed.value["runs"][0]["blob"], "artifacts": ["app:1", "lib:latest"]}],
    )


def test_an_unchanged_program_gives_an_identical_token(deploy: Deploy) -> None:
    assert token_of(source(deploy)) == token_of(source(deploy))


def test_the_secret_says_in_plain_words_what_the_token_is(deploy: Deploy) -> None:
    secret = source(deploy).one(SECRET).inputs
    assert secret["tags"] == {
        "acr-transfer-direction": "export",
        "acr-transfer-sp": "rawl",
        "acr-transfer-expiry": "2099-12-31T00:00:00Z",
        "acr-transfer-container": "transfer",
    }
    assert secret["properties"]["contentType"] == "application/x-azure-sas"
    assert secret["properties"]["attributes"]["expires"] == 4102358400


def test_the_pipelines_identity_may_get_secrets_and_nothing_else(deploy: Deploy) -> None:
    policy = source(deploy).one(":AccessPolicy").inputs["policy"]
    assert policy == {"objectId": "p-1", "tenantId": "t-1", "permissions": {"secrets": ["get"]}}


def test_the_pipeline_reads_the_secret_without_its_version_and_lives_where_its_registry_lives(
    deploy: Deploy,
) -> None:
    pipeline = (
        source(deploy, registry={"location": "chinaeast2"}).one(":containerregistry:ExportPipeline").inputs
    )
    assert pipeline["target"]["keyVaultUri"] == "https://transfer-abcdefghijkl.example/secrets/acrexportsas"
    assert pipeline["target"]["uri"] == "https://storage.example/transferabcdefghijkl/transfer"
    assert pipeline["location"] == "chinaeast2"
    assert pipeline["options"] == ["OverwriteBlobs"]


def test_a_run_waits_for_the_grant_and_the_pipeline_for_the_secret(deploy: Deploy) -> None:
    deployed = source(deploy)
    assert any("AccessPolicy" in urn for urn in deployed.one(RUN).dependencies)
    pipeline = deployed.one(":containerregistry:ExportPipeline")
    assert any("keyvault:Secret" in urn for urn in pipeline.dependencies)


@pytest.mark.parametrize("typ", [":BlobContainer", ":AccessPolicy"])
def test_what_needs_a_right_inside_to_delete_goes_with_its_owner(deploy: Deploy, typ: str) -> None:
    owner = "storage:StorageAccount" if typ == ":BlobContainer" else "keyvault:Vault"
    assert owner in source(deploy).one(typ).deleted_with


def test_a_secret_stays_in_a_vault_that_goes_with_the_stack_and_is_deleted_from_one_that_does_not(
    deploy: Deploy,
) -> None:
    assert source(deploy).one("acr-transfer:index:SasSecret").retained
    assert not source(deploy, args(vault="theirs")).one("acr-transfer:index:SasSecret").retained


def test_51_artifacts_become_2_runs_that_hold_all_of_them_and_carry_the_tag(deploy: Deploy) -> None:
    runs = source(deploy, args(artifacts=MANY, force_update_tag="again")).all(RUN)
    requests = [run.inputs["request"] for run in runs]
    assert len(runs) == 2
    assert sorted(itertools.chain(*(request["artifacts"] for request in requests))) == sorted(MANY)
    container = "https://storage.example/transferabcdefghijkl/transfer"
    assert {run.inputs["forceUpdateTag"] for run in runs} == {f"again {container}"}


def test_a_run_that_is_replaced_is_deleted_first_as_its_name_stays(deploy: Deploy) -> None:
    assert source(deploy).one(RUN).delete_first


def test_two_pipelines_of_one_registry_never_share_a_run(deploy: Deploy) -> None:
    one = source(deploy).one(RUN).inputs["pipelineRunName"]
    other = source(deploy, args(pipeline_name="secondExport")).one(RUN).inputs["pipelineRunName"]
    assert one != other


def test_blobs_begin_with_their_prefix(deploy: Deploy) -> None:
    run = source(deploy, args(blob_prefix="nightly/")).value["runs"][0]
    assert run["blob"].startswith("nightly/")


def test_what_is_made_is_safe_by_default(deploy: Deploy) -> None:
    deployed = source(deploy)
    account = deployed.one(":StorageAccount").inputs
    assert account["minimumTlsVersion"] == "TLS1_2"
    assert account["enableHttpsTrafficOnly"] is True
    assert account["allowBlobPublicAccess"] is False
    assert deployed.one(":BlobContainer").inputs["publicAccess"] == "None"
    assert deployed.one(":keyvault:Vault").inputs["properties"]["enableSoftDelete"] is True


def test_a_resource_group_that_is_there_is_not_made(deploy: Deploy) -> None:
    deployed = source(deploy, args(create_resource_group=False))
    assert deployed.all(":ResourceGroup") == []
    assert deployed.one(":StorageAccount").inputs["resourceGroupName"] == "acr-transfer"


@pytest.mark.parametrize(
    ("registry", "words"),
    [
        ({"sku": {"name": "Basic", "tier": "Basic"}}, "contososource is of the Basic tier"),
        ({"policies": {"exportPolicy": {"status": "disabled"}}}, "export policy of registry contososource"),
    ],
)
def test_an_unfit_registry_is_refused_before_anything_is_made(
    deploy: Deploy, registry: dict[str, Any], words: str
) -> None:
    with pytest.raises(pulumi.RunError, match=words):
        source(deploy, registry=registry)
    assert deploy.last.custom == []


def test_a_registry_that_cannot_be_read_is_refused_before_anything_is_made(deploy: Deploy) -> None:
    with pytest.raises(pulumi.RunError, match=r"cannot be read: .*not found"):
        source(deploy, missing={"azure-native:containerregistry:getRegistry"})
    assert deploy.last.custom == []


def test_a_failed_run_fails_the_deployment_with_the_services_message_first(deploy: Deploy) -> None:
    with pytest.raises(pulumi.RunError) as raised:
        source(deploy, response=failed)
    first, second, *_, again, last = str(raised.value).splitlines()
    assert first == "manifest of lib:latest not found"
    assert "export run" in second
    assert "app:1, lib:latest" in second
    name = deploy.last.one(RUN).name
    assert again == f"Mend the cause, then make it again: pulumi up --replace '**{name}'"
    assert "forceUpdateTag" in last


def test_a_run_is_good_only_if_the_resource_says_so_too(deploy: Deploy) -> None:
    with pytest.raises(pulumi.RunError, match="Canceled"):
        source(deploy, run_state="Canceled")


@pytest.mark.parametrize(
    ("last", "status"),
    [({"status": "Succeeded", "finishTime": "12:00"}, "Succeeded"), (failed(""), "Failed")],
)
def test_a_run_that_goes_on_when_its_resource_is_ready_is_waited_for(
    deploy: Deploy, monkeypatch: pytest.MonkeyPatch, last: dict[str, Any], status: str
) -> None:
    monkeypatch.setattr("components.run_results.ASKED_EVERY", 0.001)
    running = {"status": "Running"}
    differences: dict[str, Any] = {"response": lambda name: running, "later": [running, last]}
    if status == "Failed":
        with pytest.raises(pulumi.RunError, match="manifest of lib:latest not found"):
            source(deploy, **differences)
    else:
        assert source(deploy, **differences).value["runs"][0]["finished"] == "12:00"
    assert deploy.last.later == []


def test_a_preview_does_not_wait_for_a_run(deploy: Deploy) -> None:
    deployed = source(deploy, response=lambda name: {"status": "Running"}, preview=True)
    assert deployed.value["runs"][0]["status"] == "Running"


def test_every_failed_run_is_named_and_good_ones_are_still_handed_over(deploy: Deploy) -> None:
    good = source(deploy, args(artifacts=MANY)).value["runs"][0]["name"]

    def one_fails(name: str) -> dict[str, Any]:
        return {"status": "Succeeded"} if name == good else failed(name)

    with pytest.raises(pulumi.RunError):
        source(deploy, args(artifacts=MANY), response=one_fails)
    (outputs,) = [each for each in deploy.last.outputs if "handover" in each]
    assert len(outputs["runs"]) == 2
    assert len(outputs["handover"]["blobs"]) == 1


def test_an_old_failure_does_not_stand_in_the_way_of_a_preview(deploy: Deploy) -> None:
    assert source(deploy, response=failed, preview=True).value["runs"][0]["status"] == "Failed"


def test_a_pipeline_without_an_identity_is_refused(deploy: Deploy) -> None:
    with pytest.raises(pulumi.RunError, match="has no identity"):
        source(deploy, identity={})

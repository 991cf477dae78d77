"""The resources and outputs of a source side."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from urllib.parse import parse_qs

import pulumi
import pytest

from acr_transfer.model.documents.handover import Handover
from components import SourceSide, SourceSideArgs
from components.sas import container_sas
from tests.component.mock_azure import ACCOUNT_KEY, RUN, SECRET, Deploy, Deployed

MANY = [f"team/app{number}:1" for number in range(51)]
CONTRACT = {"loginServer", "containerUrl", "exportPipelineId", "sasSecretUri", "runs", "handover"}


def args(**others: Any) -> SourceSideArgs:
    given = {
        "resource_group": "acr-transfer",
        "registry": "contososource",
        "registry_resource_group": "images",
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


def test_the_token_opens_one_container_over_https_with_export_rights_until_its_expiry(
    deploy: Deploy,
) -> None:
    token = token_of(source(deploy))
    assert token.startswith("?")
    fields = {key: values[0] for key, values in parse_qs(token[1:], strict_parsing=True).items()}
    assert (fields["sr"], fields["spr"], fields["se"]) == ("c", "https", "2099-12-31T00:00:00Z")
    assert set(fields["sp"]) == set("rawl")
    assert "srt" not in fields


def test_the_token_is_signed_with_the_accounts_first_key(deploy: Deploy) -> None:
    expiry = datetime(2099, 12, 31, tzinfo=UTC)
    signed = container_sas("transferabcdefghijkl", "transfer", ACCOUNT_KEY, "rawl", expiry)
    assert token_of(source(deploy)) == signed


def test_the_token_is_marked_as_secret_and_appears_only_in_the_vault_secret(deploy: Deploy) -> None:
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
    expected = Handover.of(
        "images.example",
        deployed.value["containerUrl"],
        [{"name": deployed.value["runs"][0]["blob"], "artifacts": ["app:1", "lib:latest"]}],
    )
    assert deployed.value["handover"] == expected.as_json()


def test_an_unchanged_program_gives_an_identical_token(deploy: Deploy) -> None:
    assert token_of(source(deploy)) == token_of(source(deploy))


def test_the_tags_of_the_secret_describe_the_token(deploy: Deploy) -> None:
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


def test_the_pipeline_reads_the_secret_without_its_version_and_is_in_its_registrys_region(
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
def test_a_resource_inside_another_is_deleted_together_with_it(deploy: Deploy, typ: str) -> None:
    owner = "storage:StorageAccount" if typ == ":BlobContainer" else "keyvault:Vault"
    assert owner in source(deploy).one(typ).deleted_with


def test_a_secret_is_deleted_with_a_new_vault_and_by_itself_from_an_existing_one(
    deploy: Deploy,
) -> None:
    assert source(deploy).one("acr-transfer:index:SasSecret").retained
    assert not source(deploy, args(vault="existing")).one("acr-transfer:index:SasSecret").retained


def test_51_artifacts_become_2_runs_with_all_of_them_and_with_the_tag(deploy: Deploy) -> None:
    runs = source(deploy, args(artifacts=MANY, force_update_tag="again")).all(RUN)
    requests = [run.inputs["request"] for run in runs]
    assert len(runs) == 2
    assert sorted(itertools.chain(*(request["artifacts"] for request in requests))) == sorted(MANY)
    container = "https://storage.example/transferabcdefghijkl/transfer"
    assert {run.inputs["forceUpdateTag"] for run in runs} == {f"again {container}"}


def test_a_replaced_run_is_deleted_first_because_its_name_stays(deploy: Deploy) -> None:
    assert source(deploy).one(RUN).delete_first


def test_two_pipelines_of_one_registry_never_share_a_run(deploy: Deploy) -> None:
    one = source(deploy).one(RUN).inputs["pipelineRunName"]
    other = source(deploy, args(pipeline="secondExport")).one(RUN).inputs["pipelineRunName"]
    assert one != other


def test_blob_names_begin_with_the_prefix(deploy: Deploy) -> None:
    run = source(deploy, args(blob_prefix="nightly/")).value["runs"][0]
    assert run["blob"].startswith("nightly/")


def test_new_resources_are_safe_by_default(deploy: Deploy) -> None:
    deployed = source(deploy)
    account = deployed.one(":StorageAccount").inputs
    assert account["minimumTlsVersion"] == "TLS1_2"
    assert account["enableHttpsTrafficOnly"] is True
    assert account["allowBlobPublicAccess"] is False
    assert deployed.one(":BlobContainer").inputs["publicAccess"] == "None"
    assert deployed.one(":keyvault:Vault").inputs["properties"]["enableSoftDelete"] is True


def test_an_existing_resource_group_is_not_created(deploy: Deploy) -> None:
    deployed = source(deploy, args(create_resource_group=False))
    assert deployed.all(":ResourceGroup") == []
    assert deployed.one(":StorageAccount").inputs["resourceGroupName"] == "acr-transfer"


@pytest.mark.parametrize(
    ("registry", "words"),
    [
        ({"sku": {"name": "Basic", "tier": "Basic"}}, "contososource is in the Basic tier"),
        ({"policies": {"exportPolicy": {"status": "disabled"}}}, "export policy of registry contososource"),
    ],
)
def test_an_unsuitable_registry_fails_before_anything_is_created(
    deploy: Deploy, registry: dict[str, Any], words: str
) -> None:
    with pytest.raises(pulumi.RunError, match=words):
        source(deploy, registry=registry)
    assert deploy.last.custom == []


def test_an_unreadable_registry_fails_before_anything_is_created(deploy: Deploy) -> None:
    with pytest.raises(pulumi.RunError, match=r"cannot be read: .*not found"):
        source(deploy, missing={"azure-native:containerregistry:getRegistry"})
    assert deploy.last.custom == []


def test_a_failed_run_fails_the_deployment_with_the_services_message_first(deploy: Deploy) -> None:
    with pytest.raises(pulumi.RunError) as raised:
        source(deploy, response=failed)
    first, second, why, *_, again, _ = str(raised.value).splitlines()
    assert first == "manifest of lib:latest not found"
    assert "export run" in second
    assert "app:1, lib:latest" in second
    assert why == "The cause is not known: Azure does not document this message."
    assert again.startswith("The next deployment starts failed runs again, and completed runs stay")


@pytest.mark.parametrize("status", ["Failed", "Canceled"])
def test_only_a_run_that_failed_before_gets_another_tag(deploy: Deploy, status: str) -> None:
    good, bad = (run["name"] for run in source(deploy, args(artifacts=MANY)).value["runs"])
    plain = {run.inputs["forceUpdateTag"] for run in deploy.last.all(RUN)}
    response = {"status": status, "startTime": "12:00"}
    source(deploy, args(artifacts=MANY), earlier={good: {"status": "Succeeded"}, bad: response})
    tags = {run.inputs["pipelineRunName"]: run.inputs["forceUpdateTag"] for run in deploy.last.all(RUN)}
    assert plain == {tags[good]}
    assert tags[bad] == f"{tags[good]} after 12:00"
    (failures,) = (each for each in deploy.last.all("Stash") if each.name.endswith("-failures"))
    assert failures.inputs["input"] == {bad: "12:00"}
    assert failures.unchanged == [f'input["{good}"]']


def test_a_run_is_repeated_after_its_container_was_created_again(deploy: Deploy) -> None:
    old, new = (run["name"] for run in source(deploy, args(artifacts=MANY)).value["runs"])
    earlier = {
        old: {"status": "Succeeded", "startTime": "2026-11-29T11:59:59.9Z"},
        new: {"status": "Succeeded", "startTime": "2026-11-29T12:00:00.1Z"},
    }
    container = {"lastModifiedTime": "2026-11-29T12:00:00.0000000Z"}
    deployed = source(deploy, args(artifacts=MANY), earlier=earlier, container=container)
    tags = {run.inputs["pipelineRunName"]: run.inputs["forceUpdateTag"] for run in deployed.all(RUN)}
    assert tags[old] == f"{tags[new]} after 2026-11-29T11:59:59.9Z"


@pytest.mark.parametrize(
    ("created", "changed"),
    [("2026-11-29T11:00:00Z", "2026-11-29T13:00:00Z"), ("2026-11-29T13:00:00Z", "2026-11-29T11:00:00Z")],
    ids=["its access level changed later", "the clock of its creator is ahead"],
)
def test_a_run_after_the_creation_of_its_container_is_not_repeated(
    deploy: Deploy, created: str, changed: str
) -> None:
    (name,) = (run["name"] for run in source(deploy).value["runs"])
    earlier = {name: {"status": "Succeeded", "startTime": "2026-11-29T12:00:00Z"}}
    container = {"lastModifiedTime": changed, "metadata": {"acr_transfer_created": created}}
    deployed = source(deploy, earlier=earlier, container=container)
    assert "after" not in deployed.one("PipelineRun").inputs["forceUpdateTag"]


def test_a_container_that_does_not_exist_gets_new_metadata_and_an_existing_one_keeps_its_own(
    deploy: Deploy,
) -> None:
    missing = {"azure-native:storage:getBlobContainer"}
    (created,) = source(deploy, missing=missing).one("BlobContainer").inputs["metadata"].items()
    assert created[0] == "acr_transfer_created"
    assert abs(datetime.now(UTC) - datetime.fromisoformat(created[1])) < timedelta(minutes=5)
    kept = {"acr_transfer_created": "2026-11-29T12:00:00Z"}
    found = source(deploy, container={"metadata": {**kept, "other": "1"}}).one("BlobContainer")
    assert found.inputs["metadata"] == kept
    assert "metadata" not in source(deploy, container={"metadata": {}}).one("BlobContainer").inputs


def test_a_state_of_a_run_that_cannot_be_read_is_an_error(deploy: Deploy) -> None:
    with pytest.raises(pulumi.RunError, match=r"cannot be read: .*AuthorizationFailed"):
        source(deploy, unreadable="AuthorizationFailed")
    assert deploy.last.all(RUN) == []


def test_a_run_succeeds_only_if_its_resource_does_too(deploy: Deploy) -> None:
    with pytest.raises(pulumi.RunError, match="Canceled"):
        source(deploy, run_state="Canceled")


@pytest.mark.parametrize(
    ("last", "status"),
    [({"status": "Succeeded", "finishTime": "12:00"}, "Succeeded"), (failed(""), "Failed")],
)
def test_a_run_in_progress_is_waited_for_although_its_resource_is_ready(
    deploy: Deploy, monkeypatch: pytest.MonkeyPatch, last: dict[str, Any], status: str
) -> None:
    monkeypatch.setattr("components.pipelines.run_results.POLL_SECONDS", 0.001)
    lines: list[str] = []
    monkeypatch.setattr(pulumi.log, "info", lambda message, *_, **__: lines.append(message))
    running = {"status": "Running"}
    differences: dict[str, Any] = {"response": lambda name: running, "later": [running, last]}
    if status == "Failed":
        with pytest.raises(pulumi.RunError, match="manifest of lib:latest not found"):
            source(deploy, **differences)
    else:
        assert source(deploy, **differences).value["runs"][0]["finished"] == "12:00"
    assert deploy.last.later == []
    assert len(lines) == 1
    assert lines[0].endswith("is in progress: 0 of at most 120 minutes.")


def test_a_preview_does_not_wait_for_a_run(deploy: Deploy) -> None:
    deployed = source(deploy, response=lambda name: {"status": "Running"}, preview=True)
    assert deployed.value["runs"][0]["status"] == "Running"


def test_every_failed_run_is_named_and_the_hand_over_has_the_successful_ones(deploy: Deploy) -> None:
    good = source(deploy, args(artifacts=MANY)).value["runs"][0]["name"]

    def one_fails(name: str) -> dict[str, Any]:
        return {"status": "Succeeded"} if name == good else failed(name)

    with pytest.raises(pulumi.RunError):
        source(deploy, args(artifacts=MANY), response=one_fails)
    (outputs,) = [each for each in deploy.last.outputs if "handover" in each]
    assert len(outputs["runs"]) == 2
    assert len(outputs["handover"]["blobs"]) == 1


def test_a_preview_only_warns_of_an_old_failure(deploy: Deploy) -> None:
    assert source(deploy, response=failed, preview=True).value["runs"][0]["status"] == "Failed"


def test_a_pipeline_without_an_identity_is_an_error(deploy: Deploy) -> None:
    with pytest.raises(pulumi.RunError, match="has no identity"):
        source(deploy, identity={})

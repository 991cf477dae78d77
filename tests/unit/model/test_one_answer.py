"""Program, command and policy pack give one answer to one input."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pulumi
import pytest

from acr_transfer.azure.clouds import known_cloud
from acr_transfer.azure.stacks import Stack
from acr_transfer.errors import FAILURES
from acr_transfer.model.artifact_list import read_artifact_list
from acr_transfer.model.documents.handover import Handover
from acr_transfer.model.documents.json_document import checksum_of
from acr_transfer.model.documents.lock import Lock
from acr_transfer.model.sas import SasToken
from acr_transfer.operate.doctor import diagnose
from acr_transfer.operate.facts import CheckOutcome, Facts
from acr_transfer.plan.rules import SelectionRules
from components.sas import expiry_warning
from policy.rules.catalogue import ALL
from stack.config_reader import ConfigError
from stack.settings import Settings
from tests.policy.tables import Resource, bad, messages

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
DIGEST = f"sha256:{'1' * 64}"
COMMON = {
    "resourceGroup": "acr-transfer",
    "registry": "contoso",
    "registryResourceGroup": "images",
    "sasExpiry": "2026-12-01T00:00:00Z",
}
RULES = {rule.name: rule for rule in ALL}
EXPORT = "azure-native:containerregistry:ExportPipeline"
POLICY = "azure-native:keyvault:AccessPolicy"


def succeeds(action: Callable[[], object]) -> bool:
    try:
        action()
    except (ConfigError, *FAILURES):
        return False
    return True


def program_accepts(**values: Any) -> bool:
    texts = {
        f"acr-transfer:{key}": value if isinstance(value, str) else json.dumps(value)
        for key, value in {**COMMON, **values}.items()
    }
    pulumi.runtime.set_all_config(texts)
    return succeeds(lambda: Settings.load(pulumi.Config("acr-transfer"), "mine", NOW))


def policy_accepts(rule: str, *resources: Resource, **config: Any) -> bool:
    return messages(RULES[rule], bad(*resources, finds=[], **config)) == []


def doctor_accepts(check: str, **differences: Any) -> bool:
    pipeline = {
        "identity": differences.pop("identity", {"principalId": "p-1"}),
        "properties": {
            "provisioningState": "Succeeded",
            "target": {"uri": "https://a.example/transfer", "keyVaultUri": "https://v.example/secrets/sas"},
            **differences.pop("pipeline", {}),
        },
    }
    facts = Facts(side="source", stack="source", pipeline=pipeline, now=NOW, **differences)
    wrong = (CheckOutcome.FAULT, CheckOutcome.WARNING)
    return not any(found.check == check and found.outcome in wrong for found in diagnose(facts))


BLOB: dict[str, Any] = {"name": "one", "artifacts": ["app:1"]}
SOURCE = {"loginServer": "images.example", "containerUrl": "https://a.example/transfer"}
ENTRY = {
    "reference": "app:1",
    "digest": DIGEST,
    "mediaType": "m",
    "size": 1,
    "children": [],
    "referrers": [],
}


def handover(**changes: Any) -> dict[str, Any]:
    document = {"schema": 1, "source": SOURCE, "blobs": [BLOB], "artifacts": [ENTRY], **changes}
    return {"checksum": checksum_of(document), **document}


HANDOVERS: dict[str, tuple[dict[str, Any], bool]] = {
    "good": (handover(), True),
    "with a key of a later version": (handover(later=1), True),
    "a SAS token in containerUrl": (
        handover(source={**SOURCE, "containerUrl": "https://a.example/transfer?sig=x"}),
        False,
    ),
    "a blob twice": (handover(blobs=[BLOB, BLOB]), False),
    "a blob without artifacts": (handover(blobs=[{**BLOB, "artifacts": []}]), False),
    "a negative size": (handover(blobs=[{**BLOB, "size": -5}]), False),
    "a size that is not whole": (handover(artifacts=[{**ENTRY, "size": 0.5}]), False),
    "a schema that is true": (handover(schema=True), False),
    "an artifact twice": (handover(artifacts=[ENTRY, ENTRY]), False),
    "a repository of 256 characters": (handover(blobs=[{**BLOB, "artifacts": [f"{'a' * 256}:1"]}]), False),
    "without a checksum": ({"schema": 1, "source": SOURCE, "blobs": [BLOB], "artifacts": []}, False),
    "changed": ({**handover(), "blobs": []}, False),
}


@pytest.mark.parametrize("name", HANDOVERS)
def test_a_hand_over(name: str, tmp_path: Path) -> None:
    document, answer = HANDOVERS[name]
    path = tmp_path / "handover.json"
    path.write_text(json.dumps(document))
    assert program_accepts(side="target", handover=str(path)) is answer
    assert succeeds(lambda: Handover.read(path)) is answer
    assert succeeds(Stack(name="source", outputs={"handover": document}).handover) is answer


UNREADABLE = {
    "5.0 as a size": json.dumps(handover(blobs=[{**BLOB, "size": 5.0}])),
    "1.0 as a schema": json.dumps(handover(schema=1.0)),
    "NaN": json.dumps(handover(later=float("nan"))),
    "half a character": json.dumps(handover()).replace("images.example", r"\ud800"),
    "100,000 brackets": "[" * 100_000,
    "a key twice": json.dumps(handover()).replace('"schema": 1', '"schema": 1, "schema": 1'),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_a_file_that_is_not_a_hand_over(name: str, tmp_path: Path) -> None:
    path = tmp_path / "handover.json"
    path.write_text(UNREADABLE[name])
    assert not program_accepts(side="target", handover=str(path))
    assert not succeeds(lambda: Handover.read(path))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_files_in_the_encodings_that_people_write(encoding: str, tmp_path: Path) -> None:
    files = {
        "handover": json.dumps(handover(), indent=2),
        "lock": Lock.of("contoso", []).content().decode(),
        "artifacts": "app:1 # one\n",
    }
    for name, text in files.items():
        (tmp_path / name).write_bytes(text.replace("\n", "\r\n").encode(encoding))
    assert program_accepts(side="target", handover=str(tmp_path / "handover"))
    assert succeeds(lambda: Handover.read(tmp_path / "handover"))
    assert program_accepts(side="source", lock=str(tmp_path / "lock"))
    assert succeeds(lambda: Lock.read(tmp_path / "lock"))
    assert program_accepts(side="source", artifactsFile=str(tmp_path / "artifacts"))
    assert succeeds(lambda: read_artifact_list(tmp_path / "artifacts"))


@pytest.mark.parametrize(
    ("changes", "answer"), [({}, True), ({"schema": True}, False), ({"artifacts": [ENTRY, ENTRY]}, False)]
)
def test_a_lock(changes: dict[str, Any], answer: bool, tmp_path: Path) -> None:
    document = {"schema": 1, "registry": "contoso", "artifacts": [ENTRY], **changes}
    path = tmp_path / "lock.json"
    path.write_text(json.dumps({"checksum": checksum_of(document), **document}))
    assert program_accepts(side="source", lock=str(path)) is answer
    assert succeeds(lambda: Lock.read(path)) is answer


@pytest.mark.parametrize(
    ("reference", "answer"),
    [
        ("app:1", True),
        (f"app@{DIGEST}", True),
        ("docker.io/library/nginx:1", True),
        (f"{'a' * 255}:1", True),
        (f"{'a' * 256}:1", False),
        (f"app:{'t' * 129}", False),
        ("App:1", False),
        ("contosoprod.azurecr.io/web:1", False),
        ("localhost/app:1", False),
        ("127.0.0.1:5000/app:1", False),
        (f"app:1@{DIGEST}", False),
    ],
)
def test_a_reference(reference: str, answer: bool, tmp_path: Path) -> None:
    run = Resource(
        "azure-native:containerregistry:PipelineRun",
        {"request": {"artifacts": [reference], "target": {"name": "blob"}}},
    )
    (tmp_path / "list").write_text(reference)
    assert program_accepts(side="source", artifacts=[reference]) is answer
    assert program_accepts(side="source", artifactsFile=str(tmp_path / "list")) is answer
    assert succeeds(lambda: read_artifact_list(tmp_path / "list")) is answer
    # A plan reads the registry, so it alone can compare a tag with a digest.
    planned = answer or reference == f"app:1@{DIGEST}"
    assert succeeds(lambda: SelectionRules.parse({"artifacts": [reference]}, "the command line")) is planned
    assert policy_accepts("run-artifact-form", run) is answer


@pytest.mark.parametrize(
    ("option", "answer"),
    [("OverwriteBlobs", True), ("overwriteblobs", False), ("OverwriteTags", False), ("None", False)],
)
def test_an_option(option: str, answer: bool) -> None:
    # The configuration's only entry None stands for no options, so another one is beside it.
    both = ["ContinueOnErrors", option]
    pipeline = Resource(EXPORT, {"options": both})
    assert program_accepts(side="source", artifacts=["app:1"], options=both) is answer
    assert doctor_accepts("options", pipeline={"options": both}) is answer
    assert policy_accepts("pipeline-known-options", pipeline) is answer


@pytest.mark.parametrize(("minutes", "answer"), [(90, False), (119, False), (120, True), (1000, True)])
def test_a_token_that_ends_soon(minutes: int, answer: bool) -> None:
    end = NOW + timedelta(minutes=minutes)
    text = f"?sp=rawl&spr=https&sr=c&sig=x&se={end:%Y-%m-%dT%H:%M:%SZ}"
    vault = {"properties": {"accessPolicies": [{"objectId": "p-1", "permissions": {"secrets": ["get"]}}]}}
    facts = {"vault": vault, "secret": {}, "token": SasToken.parse(text)}
    assert (expiry_warning(end, None, NOW, 0) == "") is answer
    assert doctor_accepts("SAS expiry", **facts) is answer


def test_a_token_ends_with_the_key_that_signed_it() -> None:
    text = "?sp=rawl&spr=https&sr=c&sig=x&se=2098-01-01&ske=2020-01-01"
    vault = {"properties": {"accessPolicies": [{"objectId": "p-1", "permissions": {"secrets": ["get"]}}]}}
    secret = Resource("azure-native:keyvault:Secret", {"properties": {"value": text}})
    assert not doctor_accepts("SAS expiry", vault=vault, secret={}, token=SasToken.parse(text))
    assert not policy_accepts("sas-lifetime", secret)


@pytest.mark.parametrize("mode", ["SasToken", "ManagedIdentity"])
@pytest.mark.parametrize(
    ("rule_set", "answer"),
    [
        ({"defaultAction": "Allow"}, True),
        ({"defaultAction": "Deny", "bypass": "AzureServices"}, False),
        ({"defaultAction": "Deny", "ipRules": [{"value": "1.2.3.4"}]}, False),
    ],
)
def test_a_firewalled_account(mode: str, rule_set: dict[str, Any], answer: bool) -> None:
    account = {"name": "transfers", "properties": {"networkAcls": rule_set}}
    place = {"uri": "https://transfers.blob.core.windows.net/transfer", "storageAccessMode": mode}
    deployed = (
        Resource(
            "azure-native:storage:StorageAccount",
            {"name": "transfers", "networkRuleSet": rule_set},
            "account",
        ),
        Resource(EXPORT, {"name": "out", "target": place}, "out"),
    )
    assert doctor_accepts("network", account=account, pipeline={"target": place}) is answer
    assert policy_accepts("storage-firewall-review", *deployed) is answer


@pytest.mark.parametrize(
    ("rules", "kind", "answer"),
    [
        ({"defaultAction": "Allow"}, "UserAssigned", True),
        ({"defaultAction": "Deny", "bypass": "AzureServices"}, "UserAssigned", False),
        ({"defaultAction": "Deny", "ipRules": [{"value": "1.2.3.4"}]}, "UserAssigned", False),
        ({"defaultAction": "Deny", "bypass": "None"}, "SystemAssigned", False),
    ],
)
def test_a_firewalled_vault(rules: dict[str, Any], kind: str, answer: bool) -> None:
    entry = {"objectId": "p-1", "permissions": {"secrets": ["get"]}}
    place = {"uri": "https://t.blob.core.windows.net/c", "keyVaultUri": "https://v.vault.azure.net/secrets/s"}
    users = {"userAssignedIdentities": {"/i": {"principalId": "p-1"}}} if kind == "UserAssigned" else {}
    identity = {"type": kind, "principalId": "p-1", **users}
    vault = {"name": "v", "properties": {"accessPolicies": [entry], "networkAcls": rules}}
    deployed = (
        Resource("azure-native:keyvault:Vault", vault, "vault"),
        Resource(
            EXPORT, {"name": "out", "identity": identity, "target": place}, "out", {"target": ["vault"]}
        ),
    )
    assert doctor_accepts("vault network", vault=vault, identity=identity) is answer
    assert policy_accepts("vault-reachable", *deployed) is answer


@pytest.mark.parametrize("name", ["usgov", "usgovernment", "AzureUSGovernment", "usgovernmentl4"])
def test_the_name_of_a_cloud(name: str) -> None:
    place = {"uri": "https://transfers.blob.core.usgovcloudapi.net/transfer"}
    pipeline = Resource(EXPORT, {"name": "out", "target": place})
    assert known_cloud(name).name == "AZURE_US_GOVERNMENT"
    assert policy_accepts("pipeline-cloud-suffix", pipeline, cloud=name)


@pytest.mark.parametrize(
    ("permissions", "answer"), [(["get"], True), (["Get", "List"], True), (["all"], True), (["list"], False)]
)
def test_the_right_to_read_a_token(permissions: list[str], answer: bool) -> None:
    entry = {"objectId": "p-1", "permissions": {"secrets": permissions}}
    place = {"keyVaultUri": "https://secrets.vault.azure.net/secrets/sas"}
    identity = {"type": "SystemAssigned", "principalId": "p-1"}
    pipeline = Resource(EXPORT, {"name": "out", "target": place, "identity": identity}, "out")
    listing = Resource(
        "azure-native:keyvault:Vault", {"name": "secrets", "properties": {"accessPolicies": [entry]}}, "vault"
    )
    empty = Resource("azure-native:keyvault:Vault", {"name": "secrets", "properties": {}}, "vault")
    grant = Resource(POLICY, {"policy": entry}, "grant", {"vaultName": ["vault"]})
    vault = {"properties": {"accessPolicies": [entry]}}
    assert doctor_accepts("vault", vault=vault) is answer
    assert policy_accepts("vault-identity-can-read", pipeline, listing) is answer
    assert policy_accepts("vault-identity-can-read", pipeline, empty, grant) is answer

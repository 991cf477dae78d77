"""Doctor's findings: what is wrong, why it matters, and how to fix it."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from acr_transfer.azure.stack_state import StateResource
from acr_transfer.model.roles import Role
from acr_transfer.model.sas import SasToken
from acr_transfer.operate.blobs import StoredBlob
from acr_transfer.operate.doctor import diagnose
from acr_transfer.operate.facts import CheckOutcome, DoctorFinding, Facts
from acr_transfer.operate.rights import Right
from acr_transfer.operate.runs import PipelineRun
from acr_transfer.registry.moved_tags import MovedTag

NOW = datetime(2026, 11, 24, tzinfo=UTC)
SIGNATURE = "c2VjcmV0LXNpZ25hdHVyZS1vZi1hLXRva2Vu"


def token(**differences: str) -> SasToken:
    fields = {"se": "2026-12-01T00:00:00Z", "sp": "rawl", "spr": "https", "sr": "c", "sig": SIGNATURE}
    whole = {key: value for key, value in {**fields, **differences}.items() if value}
    return SasToken.parse("?" + "&".join(f"{key}={value}" for key, value in whole.items()))


def pipeline(kind: str, **differences: Any) -> dict[str, Any]:
    place = {"uri": "https://a.example/transfer", "keyVaultUri": "https://v.example/secrets/sas"}
    end = {"target": place} if kind == "source" else {"source": place}
    trigger = {} if kind == "source" else {"trigger": {"sourceTrigger": {"status": "Enabled"}}}
    properties = {"provisioningState": "Succeeded", **end, **trigger, **differences}
    return {"name": "aPipeline", "identity": {"principalId": "p-1"}, "properties": properties}


def facts(side: str = "source", **differences: Any) -> Facts:
    """A side without faults, apart from the differences."""
    policy = {"objectId": "p-1", "permissions": {"secrets": ["get"]}}
    whole: dict[str, Any] = {
        "side": side,
        "stack": side,
        "registry": {"id": "/r/contoso", "name": "contoso", "sku": {"name": "Premium"}, "properties": {}},
        "pipeline": pipeline(side),
        "account": {"name": "account", "properties": {}},
        "container": {"name": "transfer"},
        "vault": {"name": "vault", "properties": {"accessPolicies": [policy]}},
        "secret": {"tags": {}, "properties": {"attributes": {"enabled": True}}},
        "token": token(sp="rawl" if side == "source" else "rl"),
        "blobs": (),
        "now": NOW,
    }
    return Facts(**{**whole, **differences})


def abac_registry() -> dict[str, Any]:
    """A registry that honors roles on repositories."""
    properties = {"roleAssignmentMode": "AbacRepositoryPermissions"}
    return {"id": "/r/contoso", "name": "contoso", "sku": {"name": "Premium"}, "properties": properties}


def blob(name: str = "b1", **differences: Any) -> StoredBlob:
    whole = {"modified": NOW, "size": 1, "etag": "e", "has_category": True, "has_md5": True}
    return StoredBlob(**{"name": name, **whole, **differences})


def failed_run(minutes: int) -> PipelineRun:
    """A failed import by a trigger, that many minutes later."""
    body = {"name": "r1", "properties": {"response": {"status": "Failed", "trigger": {}}}}
    return replace(PipelineRun.parse(body, ""), started=NOW + timedelta(minutes=minutes))


def closed_vault(**rules: str) -> dict[str, Any]:
    """A vault that the pipeline's identity may read, closed with these network rules."""
    policy = {"objectId": "p-1", "permissions": {"secrets": ["Get"]}}
    closed = {"defaultAction": "Deny", "bypass": "AzureServices", **rules}
    return {"name": "vault", "properties": {"accessPolicies": [policy], "networkAcls": closed}}


def bad(found: Facts) -> list[DoctorFinding]:
    return [
        finding
        for finding in diagnose(found)
        if finding.outcome in (CheckOutcome.FAULT, CheckOutcome.WARNING)
    ]


@pytest.mark.parametrize(("minutes", "trigger"), [(-1, "Enabled"), (1, "Disabled")])
def test_a_failed_import_is_no_fault_if_its_blob_changed_or_the_stack_imports(
    minutes: int, trigger: str
) -> None:
    imports = pipeline("target", trigger={"sourceTrigger": {"status": trigger}})
    runs = {"b1": failed_run(minutes)}
    assert bad(facts("target", pipeline=imports, blobs=(blob(),), runs=frozenset(), failed=runs)) == []


@pytest.mark.parametrize("side", ["source", "target"])
def test_a_side_without_faults_has_only_good_findings(side: str) -> None:
    assert {finding.outcome for finding in diagnose(facts(side))} == {CheckOutcome.GOOD}


FAULTS: dict[str, tuple[Facts, str, str]] = {
    "no registry": (facts(registry=None), "the registry does not exist", "acr-transfer:registry"),
    "not Premium": (
        facts(registry={"name": "contoso", "sku": {"name": "Basic"}, "properties": {}}),
        "contoso is Basic",
        "--sku Premium",
    ),
    "export policy off": (
        facts(
            registry={
                "name": "contoso",
                "sku": {"name": "Premium"},
                "properties": {"policies": {"exportPolicy": {"status": "Disabled"}}},
            }
        ),
        "the export policy of registry contoso is disabled",
        "--allow-exports true",
    ),
    "no pipeline": (facts(pipeline=None), "the pipeline does not exist", "pulumi up --refresh -s source"),
    "pipeline failed": (
        facts(pipeline=pipeline("source", provisioningState="Failed")),
        "is Failed",
        "pulumi up",
    ),
    "no identity": (facts(pipeline={**pipeline("source"), "identity": {}}), "has no identity", "pulumi up"),
    "option of the other kind": (
        facts(pipeline=pipeline("source", options=["OverwriteTags"])),
        "unknown options: OverwriteTags (expected OverwriteBlobs",
        "acr-transfer:options",
    ),
    "no account": (facts(account=None), "the storage account does not exist", "pulumi up"),
    "no container": (
        facts(container=None),
        "the container does not exist",
        "pulumi up -s source",
    ),
    "no container at the target": (
        facts("target", container=None),
        "the container does not exist",
        "pulumi up -s target && acr-transfer hop",
    ),
    "closed account": (
        facts(account={"name": "account", "properties": {"publicNetworkAccess": "Disabled"}}),
        "closed to the public network",
        "--public-network-access Enabled",
    ),
    "firewall": (
        facts(account={"name": "account", "properties": {"networkAcls": {"defaultAction": "Deny"}}}),
        "has a firewall",
        "--default-action Allow",
    ),
    "firewall with addresses": (
        facts(
            account={
                "name": "account",
                "properties": {"networkAcls": {"defaultAction": "Deny", "ipRules": [{"value": "1.2.3.4"}]}},
            }
        ),
        "has a firewall",
        "--default-action Allow",
    ),
    "caller without rights": (
        facts(
            scopes={"registry": "/r/contoso"},
            lacking_to_deploy=(Right("registry", "exportPipelines/write", False, "A Role", "pulumi up"),),
        ),
        "you lack on the registry: exportPipelines/write",
        "--role 'A Role' --scope /r/contoso",
    ),
    "caller without rights for the commands": (
        facts(
            scopes={"resource group": "/g"},
            lacking_to_operate=(
                Right("resource group", "keys/action", False, "A Role", "hop"),
                Right("resource group", "keys/action", False, "A Role", "clean --yes"),
            ),
        ),
        "you lack on the resource group: keys/action",
        "az role assignment create --assignee <your object ID> --role 'A Role' --scope /g",
    ),
    "artifacts gone": (
        facts(artifacts=3, absent=("a:1", "b:2")),
        "a:1, b:2 are not in the registry under this name",
        "acr-transfer plan",
    ),
    "tags moved": (
        facts(
            moved=tuple(
                MovedTag(reference=f"a:{tag}", planned="sha256:1", now="sha256:2") for tag in "123456"
            ),
            stacks={"source": "a", "target": "b"},
            config={"lock": "a.lock.json"},
        ),
        "a:1 was planned as sha256:1, but it has sha256:2 now; a:2 was",
        "acr-transfer plan --again a.lock.json --source a",
    ),
    "a locked artifact": (
        facts(artifacts=3, unreadable={"a:1": "a:1 is locked for reading (HTTP 405)"}),
        "a:1 is locked for reading (HTTP 405)",
        "az acr repository update --name contoso --image a:1 --read-enabled true",
    ),
    "a layer too large": (
        facts(artifacts=1, unsupported=("a:1 has a layer of 9.0 GB",)),
        "a:1 has a layer of 9.0 GB",
        "Remove it from the artifacts",
    ),
    "blobs cannot be replaced": (
        facts(
            handover_blobs=("b1",),
            blobs=(blob(),),
        ),
        "aPipeline has no OverwriteBlobs, and b1 is in the container",
        "pulumi config set --path 'acr-transfer:options[0]' OverwriteBlobs",
    ),
    "nothing to import": (
        facts("target", handover_blobs=("b1", "b2"), runs=frozenset(), imported=frozenset({"b2"})),
        "b1 is in the hand-over, but not in the container",
        "acr-transfer hop",
    ),
    "an import that failed": (
        facts("target", blobs=(blob(),), runs=frozenset(), failed={"b1": failed_run(minutes=1)}),
        "the import of blob b1 by run r1 failed",
        "--container-name transfer --name b1 && acr-transfer hop --source <source> --target <target>",
    ),
    "a lost blob that the target needs": (
        facts(handover_blobs=("b1", "b2", "b3"), needed_blobs=("b1",)),
        "b1 is in the hand-over, but not in the container, and not at the target",
        "pulumi config set acr-transfer:forceUpdateTag <new> -s source && pulumi up -s source "
        "&& acr-transfer hop",
    ),
    "deleted resources": (
        facts(deleted=[StateResource("RoleAssignment", f"/roleAssignments/{name}", "v") for name in "ab"]),
        "role assignment a, b are in the stack's state, but not in Azure",
        "pulumi up --refresh -s source",
    ),
    "a replaced pipeline": (
        facts("target", replaced_pipelines=("old",)),
        "pipeline old was replaced, but not deleted",
        "acr-transfer clean --older-than 0 --all-runs --yes --side target --target target && pulumi up",
    ),
    "no shared keys": (
        facts(account={"name": "account", "properties": {"allowSharedKeyAccess": False}}),
        "has shared key access disabled",
        "ManagedIdentity",
    ),
    "no vault": (facts(vault=None), "the key vault does not exist", "newVaultName <name>"),
    "no grant": (
        facts(vault={"name": "vault", "properties": {"accessPolicies": []}}),
        "cannot read secrets of vault",
        "pulumi up",
    ),
    "no role on the vault": (
        facts(vault={"name": "vault", "properties": {"enableRbacAuthorization": True}}),
        "cannot read secrets of vault",
        "pulumi up",
    ),
    "closed vault without trusted services": (
        facts(vault=closed_vault(bypass="None")),
        "the firewall of vault vault is closed and refuses Azure's trusted services",
        "To open the vault of this deployment: pulumi config rm acr-transfer:vaultAddresses -s source && "
        "pulumi up --refresh -s source; To open an existing vault: az keyvault update --name vault "
        "--public-network-access Enabled --default-action Allow && pulumi up -s source",
    ),
    "closed vault with a user-assigned identity": (
        facts(
            vault=closed_vault(),
            pipeline={
                **pipeline("source"),
                "identity": {"userAssignedIdentities": {"/i": {"principalId": "p-1"}}},
            },
        ),
        "the firewall of vault vault is closed and refuses a user-assigned identity",
        "pulumi config rm acr-transfer:vaultAddresses -s source",
    ),
    "closed vault with a system-assigned identity": (
        facts(vault=closed_vault()),
        "the firewall of vault vault is closed",
        "pulumi config rm acr-transfer:vaultAddresses -s source",
    ),
    "disabled secret": (
        facts(secret={"properties": {"attributes": {"enabled": False}}}),
        "secret sas is disabled",
        "--vault-name vault --name sas --enabled true",
    ),
    "no secret": (facts(secret=None, token=None), "the SAS secret does not exist", "sasSecretName <name>"),
    "versioned secret": (
        facts(
            pipeline=pipeline(
                "source",
                target={
                    "uri": "https://a.example/transfer",
                    "keyVaultUri": "https://v.example/secrets/sas/1a",
                },
            )
        ),
        "secret URI names a version",
        "pulumi up",
    ),
    "no token in the secret": (
        facts(token=SasToken.parse("nothing")),
        "does not hold a SAS token",
        "sasExpiry",
    ),
    "expired": (
        facts(token=token(se="2026-11-23T00:00:00Z")),
        "the token in secret sas expired 2026-11-23 00:00 UTC, 24.0 hours ago",
        "sasExpiry",
    ),
    "expires soon": (facts(token=token(se="2026-11-24T00:30:00Z")), "expires in 0.5 hours", "sasExpiry"),
    "no end": (facts(token=token(se="")), "has no expiry time", "sasExpiry"),
    "the signing user's key ends": (
        facts(token=token(ske="2026-11-23T00:00:00Z")),
        "expired 2026-11-23",
        "sasExpiry",
    ),
    "begins later": (
        facts(token=token(st="2026-11-25T00:00:00Z")),
        "valid only from 2026-11-25",
        "sasExpiry",
    ),
    "narrow for export": (facts(token=token(sp="rl")), "lacks add, write", "pulumi up"),
    "narrow for import": (facts("target", token=token(sp="r")), "lacks list", "pulumi up"),
    "cannot delete": (
        facts(
            "target",
            pipeline=pipeline("target", options=["DeleteSourceBlobOnSuccess"]),
            token=token(sp="rl"),
        ),
        "lacks delete",
        "pulumi up",
    ),
    "http": (facts(token=token(spr="")), "valid over http too", "pulumi up"),
    "for a blob": (facts(token=token(sr="b")), "not for a container", "pulumi up"),
    "of an account": (facts(token=token(sr="", srt="sco", ss="b")), "is for the account", "sasExpiry"),
    "of an account, for files": (
        facts(token=token(sr="", srt="sco", ss="f")),
        "not for a container",
        "pulumi up",
    ),
    "of an account, without objects": (
        facts(token=token(sr="", srt="sc", ss="b")),
        "not for a container",
        "pulumi up",
    ),
    "from one address": (facts(token=token(sip="1.2.3.4")), "only from 1.2.3.4", "pulumi up"),
    "signed with a key of old": (
        facts(rejection="signature"),
        "rejects the token in secret sas: its signature is wrong",
        "sasExpiry",
    ),
    "signed before both keys were made": (
        facts(
            token=None,
            secret={"properties": {"attributes": {"updated": NOW.timestamp() - 9}}},
            account={
                "name": "account",
                "properties": {
                    "keyCreationTime": {
                        "key1": "2026-11-24T00:00:00.1234567Z",
                        "key2": "2026-11-25T00:00:00Z",
                    }
                },
            },
        ),
        "both keys of the account are newer than secret sas",
        "sasExpiry",
    ),
    "tag lacks rights": (
        facts(token=None, secret={"tags": {"acr-transfer-sp": "rl"}, "properties": {}}),
        "according to its tag, the token lacks add, write",
        "pulumi up",
    ),
    "secret has ended": (
        facts(token=None, secret={"properties": {"attributes": {"exp": 1}}}),
        "secret sas has expired",
        "sasExpiry",
    ),
    "blob without mark": (
        facts("target", blobs=(blob(has_category=False),)),
        "blob b1 has no category",
        "acr-transfer hop",
    ),
    "blob without hash": (
        facts("target", blobs=(blob(has_md5=False),)),
        "blob b1 has no Content-MD5",
        "acr-transfer hop",
    ),
    "old blob": (
        facts("target", blobs=(blob(modified=NOW - timedelta(days=61)),)),
        "older than 60 days",
        "acr-transfer hop",
    ),
    "a registry with another mode": (
        facts(registry=abac_registry()),
        "registry contoso has the mode AbacRepositoryPermissions, its stack LegacyRegistryPermissions",
        "registryRoleAssignmentMode AbacRepositoryPermissions -s source && pulumi up -s source",
    ),
    "a stack with another mode": (
        facts(configured_mode="AbacRepositoryPermissions"),
        "registry contoso has the mode LegacyRegistryPermissions",
        "registryRoleAssignmentMode LegacyRegistryPermissions -s source",
    ),
    "no role on the registry": (
        facts(registry=abac_registry(), configured_mode="AbacRepositoryPermissions"),
        "lacks Container Registry Repository Reader on the registry",
        "pulumi up --refresh -s source",
    ),
    "a reader that imports": (
        facts(
            "target",
            registry=abac_registry(),
            configured_mode="AbacRepositoryPermissions",
            registry_roles=frozenset({Role.REPOSITORY_READER.value}),
        ),
        "lacks Container Registry Repository Writer on the registry",
        "pulumi up --refresh -s target",
    ),
    "clock": (facts(clock=3600.0), "3600 s ahead of the cloud's", "NTP"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_each_fault_is_one_finding_with_its_reason_and_its_fix(name: str) -> None:
    found, what, fix = FAULTS[name]
    (finding,) = bad(found)
    assert what in finding.what
    assert finding.cause is not None
    assert fix in finding.cause.fix
    assert finding.cause.why


@pytest.mark.parametrize("name", FAULTS)
def test_a_check_changes_no_fact_that_another_one_judges(name: str) -> None:
    found, _, _ = FAULTS[name]
    before = deepcopy(found)
    assert diagnose(found) == diagnose(found)
    assert found == before


@pytest.mark.parametrize(("side", "role"), [("source", "REPOSITORY_READER"), ("target", "REPOSITORY_WRITER")])
def test_a_pipeline_with_its_role_on_repositories_is_good(side: str, role: str) -> None:
    held = frozenset({Role[role].value})
    mode = "AbacRepositoryPermissions"
    found = facts(side, registry=abac_registry(), configured_mode=mode, registry_roles=held)
    assert bad(found) == []
    assert "the pipeline's identity has its role on the registry" in [each.what for each in diagnose(found)]


def by_identity(side: str, roles: set[str], **differences: Any) -> Facts:
    end = "target" if side == "source" else "source"
    place = {"uri": "https://a.example/transfer", "storageAccessMode": "ManagedIdentity"}
    return facts(
        side, pipeline=pipeline(side, **{end: place}, **differences), vault=None, roles=frozenset(roles)
    )


CONTRIBUTOR, READER = "ba92f5b4-2d11-453d-a403-e96b0029c9fe", "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1"
DELETES = {"options": ["DeleteSourceBlobOnSuccess"]}


@pytest.mark.parametrize(
    ("found", "good"),
    [
        (by_identity("source", {CONTRIBUTOR}), True),
        (by_identity("source", {READER}), False),
        (by_identity("target", {READER}), True),
        (by_identity("target", {READER}, **DELETES), False),
        (by_identity("target", {CONTRIBUTOR}, **DELETES), True),
        (by_identity("target", set()), False),
    ],
)
def test_an_identity_needs_a_role_that_allows_what_its_pipeline_does(found: Facts, good: bool) -> None:
    assert [finding.check for finding in bad(found)] == ([] if good else ["role"])


def test_a_resource_that_the_caller_cannot_read_is_reported_and_is_not_a_fault() -> None:
    found = facts(registry=None, unseen={"the registry": "refused (HTTP 403)"})
    assert not bad(found)
    unseen = [finding for finding in diagnose(found) if finding.outcome is CheckOutcome.UNSEEN]
    assert "refused (HTTP 403)" in unseen[0].what


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (facts(token=token(sp="", se="", si="mine")), "stored access policy mine defines them"),
        (
            facts(rejection="403 AuthorizationFailure"),
            "storage answers 403 AuthorizationFailure to this machine",
        ),
    ],
    ids=["a stored access policy", "a firewall before this machine"],
)
def test_what_a_token_does_not_show_is_not_a_fault(found: Facts, words: str) -> None:
    assert not bad(found)
    assert words in next(
        finding.what for finding in diagnose(found) if finding.outcome is CheckOutcome.UNSEEN
    )


def test_a_container_comes_first_because_a_refresh_may_fail_without_it() -> None:
    found = bad(facts(container=None, pipeline=None, config={}))
    fixes = [finding.cause.fix for finding in found if finding.cause]
    assert fixes == ["pulumi up -s source", "pulumi up --refresh -s source"]


def test_the_vault_of_a_deleted_pipeline_is_known_from_the_state() -> None:
    deleted = [StateResource(kind, f"/{kind}/x", "v") for kind in ("ExportPipeline", "Vault")]
    pipeline_is_gone, vault_is_gone = bad(facts(pipeline=None, deleted=deleted))
    assert pipeline_is_gone.what == "the pipeline does not exist"
    assert vault_is_gone.what == "vault x is in the stack's state, but not in Azure"
    assert vault_is_gone.cause is not None
    assert "newVaultName <name>" in vault_is_gone.cause.fix


def test_the_fix_names_the_users_stack() -> None:
    (finding,) = bad(facts(stack="production", account=None))
    assert finding.cause is not None
    assert finding.cause.commands == ["pulumi up --refresh -s production"]


def test_the_facts_do_not_contain_the_tokens_signature() -> None:
    assert SIGNATURE not in repr(facts())


def test_an_error_of_a_rule_is_a_finding_beside_the_others(caplog: pytest.LogCaptureFixture) -> None:
    found = facts(secret={"properties": {"attributes": {"exp": "sig=not-a-number"}}}, token=None)
    findings = diagnose(found)
    (failed,) = [finding for finding in findings if "could not be checked" in finding.what]
    assert failed.what == "access could not be checked: ValueError"
    assert failed.outcome is CheckOutcome.WARNING
    assert {"tier", "pipeline", "container"} <= {finding.check for finding in findings}
    assert "not-a-number" not in repr(findings) + caplog.text


def test_an_error_while_collecting_is_a_finding() -> None:
    (finding,) = bad(facts(errors={"role assignments": "KeyError"}))
    assert finding.what == "role assignments could not be checked: KeyError"
    assert finding.cause is not None
    assert "--log-file" in finding.cause.fix

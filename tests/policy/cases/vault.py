"""Cases of the rules about vaults and who may do what there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.policy.tables import UNKNOWN, Resource, Table, absent, bad, good, other, unknown

VAULT = "azure-native:keyvault:Vault"
POLICY = "azure-native:keyvault:AccessPolicy"
MANAGED_HSM = "azure-native:keyvault:ManagedHsm"
EXPORT = "azure-native:containerregistry:ExportPipeline"
IDENTITY = "azure-native:managedidentity:UserAssignedIdentity"
ROLE = "azure-native:authorization:RoleAssignment"
SECRET = "azure-native:keyvault:Secret"
SETTING = "azure-native:monitor:DiagnosticSetting"
SECRETS_USER = "/x/roleDefinitions/4633458b-17de-408a-b874-0445c86b69e6"
ADMINISTRATOR = "/x/roleDefinitions/00482a5a-887f-4fb3-b363-3b7fe8e74483"
PRINCIPAL = "10000000-0000-4000-8000-000000000001"
STRANGER = "10000000-0000-4000-8000-000000000002"


def vault(type: str = VAULT, name: str = "secrets", **properties: Any) -> Resource:
    return Resource(type, {"name": name, "id": f"/x/vaults/{name}", "properties": properties}, name)


def closed(**rules: str) -> Resource:
    return vault(networkAcls={"defaultAction": "Deny", "bypass": "AzureServices", **rules})


def behind(identity: str = "SystemAssigned") -> Resource:
    """A pipeline that reads its token from the vault, with this type of identity."""
    return export(behind=("secrets",), identity={"type": identity})


def grant(
    secrets: Sequence[str] = ("get",),
    uses: Sequence[str] = ("out",),
    objects: str = UNKNOWN,
    type: str = POLICY,
    on: Sequence[str] = (),
    **more: Sequence[str],
) -> Resource:
    permissions = {"secrets": list(secrets), **{kind: list(each) for kind, each in more.items()}}
    links = {"policy": uses, "vaultName": on}
    return Resource(type, {"policy": {"objectId": objects, "permissions": permissions}}, "grant", links)


def role(
    definition: str, uses: Sequence[str] = ("out",), scope: Sequence[str] = (), **props: Any
) -> Resource:
    links = {"principalId": uses, "scope": scope}
    return Resource(ROLE, {"roleDefinitionId": definition, **props}, "role", links)


def entry(secrets: Sequence[str] = (), **more: Any) -> dict[str, Any]:
    return {"objectId": PRINCIPAL, "permissions": {"secrets": list(secrets), **more}}


def export(mode: str | None = None, behind: Sequence[str] = (), **props: Any) -> Resource:
    uri = props.pop("keyVaultUri", UNKNOWN)
    place = {"keyVaultUri": uri, "storageAccessMode": mode}
    identity = props.pop("identified_by", ())
    props = {"identity": {"type": "SystemAssigned"}, **props}
    links = {"target": behind, "identity": identity}
    return Resource(EXPORT, {"name": "out", "target": place, **props}, "out", links)


OUT = export(behind=["secrets"])
KNOWN = export(behind=["secrets"], identity={"type": "SystemAssigned", "principalId": PRINCIPAL})
BY_IDENTITY = export(behind=["secrets"], identity={"type": "UserAssigned"}, identified_by=["person"])
PERSON = Resource(IDENTITY, {"principalId": PRINCIPAL}, "person")
SAS = Resource(SECRET, {"name": "sas"}, "sas", {"vaultName": ["secrets"]})
ALLOW = {"defaultAction": "Allow"}
RECOVERABLE: dict[str, Any] = {"enableSoftDelete": True, "enablePurgeProtection": True}


def logs(of: Sequence[str] = (), uri: str = UNKNOWN, type: str = SETTING, **log: Any) -> Resource:
    props = {"resourceUri": uri, "logs": [{"enabled": True, **log}]}
    return Resource(type, props, "logs", {"resourceUri": of})


REGISTRY = Resource("azure-native:containerregistry:Registry", {"name": "cargo"}, "registry")
ACCOUNT = Resource(
    "azure-native:storage:StorageAccount", {"name": "transfers", "id": "/x/a/transfers"}, "account"
)

CASES: Table = {
    "vault-recoverable": [
        good(vault(**RECOVERABLE)),
        good(vault(enableSoftDelete=True), requirePurgeProtection=False),
        bad(
            vault(enableSoftDelete=False, enablePurgeProtection=True),
            finds=["Soft delete of vault secrets is off"],
        ),
        bad(vault(enablePurgeProtection=False), finds=["Purge protection of vault secrets is off"]),
        bad(vault(enableSoftDelete=False), finds=["Soft delete", "Purge protection"]),
        unknown(vault(enableSoftDelete=UNKNOWN, enablePurgeProtection=UNKNOWN)),
        absent(vault(), finds=["Purge protection of vault secrets is off"]),
        other(vault(MANAGED_HSM, enablePurgeProtection=False)),
    ],
    "vault-no-purge": [
        good(grant(["get", "list"])),
        good(vault(accessPolicies=[entry(["get"])])),
        bad(grant(["Purge"], objects=PRINCIPAL), finds=[f"{PRINCIPAL} can purge the vault"]),
        bad(grant(keys=["all"]), finds=["A principal that is still unknown can purge"]),
        bad(vault(accessPolicies=[entry(["get"]), entry(["all"])]), finds=[f"{PRINCIPAL} can purge"]),
        unknown(vault(accessPolicies=[UNKNOWN, entry([UNKNOWN], keys=UNKNOWN)])),
        unknown(Resource(POLICY, {"policy": UNKNOWN})),
        absent(vault()),
        absent(Resource(POLICY, {})),
        other(grant(["all"], type=MANAGED_HSM)),
    ],
    "vault-narrow-flags": [
        good(vault(enabledForDeployment=False)),
        bad(vault(enabledForDeployment=True), finds=["Vault secrets sets enabledForDeployment"]),
        bad(
            vault(enabledForDiskEncryption=True, enabledForTemplateDeployment=True),
            finds=["enabledForDiskEncryption", "enabledForTemplateDeployment"],
        ),
        unknown(vault(enabledForDeployment=UNKNOWN)),
        absent(vault()),
        other(vault(MANAGED_HSM, enabledForDeployment=True)),
    ],
    "vault-reachable": [
        good(behind(), closed()),
        good(behind("UserAssigned"), vault(networkAcls={"defaultAction": "Allow"})),
        good(export("ManagedIdentity", behind=("secrets",), identity={"type": "UserAssigned"}), closed()),
        bad(behind("UserAssigned"), closed(), finds=["secrets refuses the user-assigned identity of"]),
        bad(behind("userAssigned"), vault(publicNetworkAccess="disabled"), finds=["user-assigned"]),
        bad(behind(), closed(bypass="None"), finds=["The firewall of vault secrets refuses pipeline out"]),
        bad(
            behind(), vault(publicNetworkAccess="Disabled", networkAcls={"bypass": "None"}), finds=["secrets"]
        ),
        unknown(behind(), vault(networkAcls=UNKNOWN, publicNetworkAccess=UNKNOWN)),
        unknown(export(behind=("secrets",), identity=UNKNOWN), closed()),
        absent(behind(), vault()),
        other(behind("UserAssigned"), vault(type=MANAGED_HSM, networkAcls={"defaultAction": "Deny"})),
    ],
    "vault-firewall": [
        good(vault(networkAcls={"defaultAction": "Deny"})),
        good(vault(networkAcls=ALLOW, publicNetworkAccess="disabled")),
        bad(
            vault(networkAcls=ALLOW, publicNetworkAccess="Enabled"), finds=["secrets is open to all networks"]
        ),
        unknown(vault(networkAcls=UNKNOWN)),
        unknown(vault(publicNetworkAccess=UNKNOWN)),
        absent(vault(), finds=["secrets is open to all networks"]),
        other(vault(MANAGED_HSM, networkAcls=ALLOW)),
    ],
    "vault-least-privilege": [
        good(OUT, vault(), grant(["Get"])),
        good(OUT, vault(), grant(["get", "list"], uses=())),
        good(KNOWN, vault(), grant(["list"], uses=(), objects=STRANGER)),
        bad(OUT, vault(), grant(["get", "list"]), finds=["out has secrets list; it needs only"]),
        bad(
            OUT, vault(), grant(["get"], keys=["get"]), finds=["out has keys get; it needs only secrets get"]
        ),
        bad(KNOWN, vault(), grant(["all"], uses=(), objects=PRINCIPAL), finds=["out has secrets all"]),
        bad(
            BY_IDENTITY, PERSON, vault(), grant(["list", "get"], uses=["person"]), finds=["has secrets list"]
        ),
        bad(OUT, vault(), grant([f"{'Key/' * 21}KA=="]), finds=["out has secrets [other]; it needs"]),
        unknown(OUT, vault(), grant([UNKNOWN])),
        unknown(OUT, vault(), grant(["get", UNKNOWN], keys=["list"]), finds=["out has keys list"]),
        absent(OUT, vault(), Resource(POLICY, {}, "grant", {"policy": ["out"]})),
        other(OUT, vault(), grant(["all"], type=MANAGED_HSM)),
    ],
    "vault-identity-can-read": [
        good(OUT, vault(), grant()),
        good(OUT, vault(), grant(["all"], on=["secrets"])),
        good(KNOWN, vault(), grant(uses=(), objects=PRINCIPAL)),
        good(BY_IDENTITY, PERSON, vault(), grant(uses=["person"])),
        good(OUT, vault(), role(SECRETS_USER.upper())),
        good(OUT, vault(), role(ADMINISTRATOR)),
        good(export(behind=["secrets"], identity={"type": "UserAssigned"}), vault()),
        good(OUT, vault(), role(SECRETS_USER, scope=["secrets"])),
        good(KNOWN, vault(), role(SECRETS_USER, uses=(), principalId=PRINCIPAL)),
        good(KNOWN, vault(accessPolicies=[entry(["get"])])),
        good(KNOWN, vault(accessPolicies=[entry(["all"])])),
        good(export("ManagedIdentity", ["secrets"]), vault()),
        good(export(keyVaultUri="https://theirs.vault.azure.net/secrets/sas"), vault()),
        good(export(behind=["sas"]), vault(), SAS, grant(on=["secrets"])),
        bad(OUT, vault(), finds=["out cannot read its SAS"]),
        bad(OUT, vault(), grant(["list"]), finds=["out cannot read its SAS"]),
        bad(OUT, vault(), grant(uses=()), finds=["out cannot read its SAS"]),
        bad(OUT, vault(), vault(name="second"), grant(on=["second"]), finds=["out cannot read its SAS"]),
        bad(BY_IDENTITY, PERSON, vault(), finds=["out cannot read its SAS"]),
        bad(OUT, vault(), role("/x/roleDefinitions/reader"), finds=["out cannot read its SAS"]),
        bad(OUT, vault(), role(SECRETS_USER, uses=()), finds=["out cannot read its SAS"]),
        bad(OUT, vault(), vault(name="second"), role(SECRETS_USER, scope=["second"]), finds=["cannot read"]),
        bad(KNOWN, vault(accessPolicies=[entry(["list"])]), finds=["out cannot read its SAS"]),
        bad(OUT, vault(accessPolicies=[entry(["get"])]), finds=["out cannot read its SAS"]),
        bad(export(behind=["sas"]), SAS, vault(), finds=["out cannot read its SAS"]),
        bad(
            export(keyVaultUri="https://Secrets.vault.azure.net/secrets/sas"),
            vault(),
            finds=["out cannot read its SAS"],
        ),
        bad(
            export(keyVaultUri="https://x.vault.azure.net/secrets/sas/1"),
            Resource(SECRET, {"name": "SAS"}, "s"),
            finds=["out cannot read its SAS"],
        ),
        unknown(export(UNKNOWN, ["secrets"]), vault()),
        unknown(OUT, vault(), grant([UNKNOWN]), finds=["out cannot read its SAS"]),
        absent(Resource(EXPORT, {}, "out"), vault()),
        other(OUT, Resource(MANAGED_HSM, {"name": "secrets"}, "secrets")),
    ],
    "audit-logs": [
        good(vault(), logs(["secrets"], category="AuditEvent")),
        good(vault(), logs(["secrets"], categoryGroup="allLogs")),
        good(vault(), logs(uri="/X/vaults/Secrets", categoryGroup="audit")),
        good(REGISTRY, logs(["registry"], category="ContainerRegistryRepositoryEvents")),
        good(ACCOUNT, logs(uri="/x/a/transfers/blobServices/default", category="StorageRead")),
        bad(
            vault(),
            logs(["secrets"], category="AllMetrics"),
            finds=["No diagnostic setting logs the use of secrets"],
        ),
        bad(
            vault(),
            logs(["secrets"], category="AuditEvent", enabled=False),
            finds=["logs the use of secrets"],
        ),
        bad(
            vault(),
            logs(uri="/x/vaults/secrets-two", categoryGroup="audit"),
            finds=["logs the use of secrets"],
        ),
        bad(vault(), REGISTRY, logs(["registry"], categoryGroup="audit"), finds=["logs the use of secrets"]),
        bad(vault(), ACCOUNT, finds=["logs the use of secrets", "logs the use of transfers"]),
        unknown(vault(), Resource(SETTING, {"logs": UNKNOWN}, "logs", {"resourceUri": ["secrets"]})),
        absent(vault(), finds=["No diagnostic setting logs the use of secrets"]),
        absent(
            vault(),
            Resource(SETTING, {}, "logs", {"resourceUri": ["secrets"]}),
            finds=["logs the use of secrets"],
        ),
        other(vault(MANAGED_HSM)),
    ],
}

"""Rules about the vault that keeps the SAS token, and about who may do what there."""

from collections.abc import Iterator

from pulumi_policy import EnforcementLevel, Severity

from acr_transfer.model.vault_permissions import can_purge
from policy.framework.controls import Control
from policy.framework.properties import UNKNOWN, Value, is_other, known_items, peek, text
from policy.framework.resource_types import ACCESS_POLICY, VAULT
from policy.framework.resources import Finding, Subject
from policy.framework.rule import resource_rule
from policy.framework.settings import Setting

BEST_PRACTICES = "https://learn.microsoft.com/azure/key-vault/general/secure-key-vault"
_FLAGS = ("enabledForDeployment", "enabledForDiskEncryption", "enabledForTemplateDeployment")


def _name(vault: Subject) -> str:
    return vault.called("vaultName", "name")


def permissions(entry: Value, kind: str) -> set[str]:
    """Return the known permissions of an access policy's entry, such as those on `secrets`, in lower case."""
    return {text(each).lower() for each in known_items(peek(entry, f"permissions.{kind}"))} - {""}


@resource_rule(
    "vault-recoverable",
    VAULT,
    level=EnforcementLevel.MANDATORY,
    severity=Severity.HIGH,
    control=Control.KEY_REPOSITORY,
    why="Without soft delete and purge protection a secret can be lost for good.",
    fix="Set `properties.enableSoftDelete` and `properties.enablePurgeProtection` to true; "
    "neither can be undone.",
    url="https://learn.microsoft.com/azure/key-vault/general/soft-delete-overview",
    settings=(Setting("requirePurgeProtection", True, "Whether purge protection must be on."),),
)
def recoverable(vault: Subject) -> Iterator[Finding]:
    """Find a vault whose secrets can be wiped; soft delete is on where nothing is said."""
    if vault.peek("properties.enableSoftDelete") is False:
        yield vault.fault(f"Soft delete of vault {_name(vault)} is off.")
    protection = vault.peek("properties.enablePurgeProtection")
    if vault.settings.flag("requirePurgeProtection") and protection not in (True, UNKNOWN):
        yield vault.fault(f"Purge protection of vault {_name(vault)} is off.")


@resource_rule(
    "vault-no-purge",
    VAULT,
    ACCESS_POLICY,
    level=EnforcementLevel.MANDATORY,
    severity=Severity.HIGH,
    control=Control.LEAST_PRIVILEGE,
    why="Who may purge can wipe what soft delete has kept.",
    fix="Name the permissions one by one, without `all` and `purge`.",
    url=BEST_PRACTICES,
)
def no_purge(holder: Subject) -> Iterator[Finding]:
    """Find entries, of a vault or an access policy, with the right to purge."""
    entries = [holder.peek("policy"), *known_items(holder.peek("properties.accessPolicies"))]
    for entry in entries:
        granted = peek(entry, "permissions")
        kinds = granted if isinstance(granted, dict) else {}
        if any(can_purge(permissions(entry, kind)) for kind in kinds):
            principal = text(peek(entry, "objectId")) or "A principal that is not known yet"
            yield holder.fault(f"{principal} may wipe the vault.")


@resource_rule(
    "vault-narrow-flags",
    VAULT,
    level=EnforcementLevel.ADVISORY,
    severity=Severity.MEDIUM,
    control=Control.LEAST_PRIVILEGE,
    why="With such a flag, virtual machines, disk encryption or deployments read secrets; no pipeline does.",
    fix="Set the flag to false.",
    url=BEST_PRACTICES,
)
def narrow_flags(vault: Subject) -> Iterator[Finding]:
    """Find flags that open a vault to more than its readers."""
    for flag in _FLAGS:
        if vault.peek(f"properties.{flag}") is True:
            yield vault.fault(f"Vault {_name(vault)} is opened by {flag}.")


@resource_rule(
    "vault-firewall",
    VAULT,
    level=EnforcementLevel.ADVISORY,
    severity=Severity.MEDIUM,
    control=Control.NETWORK,
    why="ACR comes past a vault's firewall as a trusted service, so nobody else needs to.",
    fix="Set `properties.networkAcls` to the default action Deny with the bypass AzureServices.",
    url="https://learn.microsoft.com/azure/key-vault/general/network-security",
)
def firewall(vault: Subject) -> Iterator[Finding]:
    """Find a vault that every network reaches."""
    action = vault.peek("properties.networkAcls.defaultAction")
    public = vault.peek("properties.publicNetworkAccess")
    if is_other(action, "Deny") and is_other(public, "Disabled"):
        yield vault.fault(f"Vault {_name(vault)} is open to all networks.")


RULES = (recoverable, no_purge, narrow_flags, firewall)

"""Rules about key vaults and their access policies."""

from collections.abc import Iterator

from pulumi_policy import EnforcementLevel, Severity

from acr_transfer.model.vault_permissions import can_purge
from policy.framework.controls import Control
from policy.framework.properties import UNKNOWN, Value, is_other, known_items, peek, text
from policy.framework.resource_types import ACCESS_POLICY, VAULT
from policy.framework.resources import ResourceView, Violation
from policy.framework.rule import ResourceRule
from policy.framework.settings import RuleSetting

BEST_PRACTICES = "https://learn.microsoft.com/azure/key-vault/general/secure-key-vault"
_FLAGS = ("enabledForDeployment", "enabledForDiskEncryption", "enabledForTemplateDeployment")


def _name(vault: ResourceView) -> str:
    return vault.display_name("vaultName", "name")


def permissions(entry: Value, kind: str) -> set[str]:
    """Return the known permissions of an access policy's entry on a kind of object, such as `secrets`.

    `[other]` stands for a text that is not a permission, so that messages cannot repeat a credential.
    """
    listed = (text(each).lower() for each in known_items(peek(entry, f"permissions.{kind}")))
    return {each if each.isalpha() else "[other]" for each in listed if each}


@ResourceRule(
    name="vault-recoverable",
    types=(VAULT,),
    level=EnforcementLevel.MANDATORY,
    severity=Severity.HIGH,
    control=Control.KEY_REPOSITORY,
    fix="Set `properties.enableSoftDelete` and `properties.enablePurgeProtection` to true; "
    "neither can be undone.",
    url="https://learn.microsoft.com/azure/key-vault/general/soft-delete-overview",
    settings=(RuleSetting("requirePurgeProtection", True, "Whether purge protection must be on."),),
)
def recoverable(vault: ResourceView) -> Iterator[Violation]:
    """Without soft delete and purge protection, a secret can be lost permanently."""
    if vault.peek("properties.enableSoftDelete") is False:
        yield vault.violation(f"Soft delete of vault {_name(vault)} is off.")
    protection = vault.peek("properties.enablePurgeProtection")
    if vault.settings.flag("requirePurgeProtection") and protection not in (True, UNKNOWN):
        yield vault.violation(f"Purge protection of vault {_name(vault)} is off.")


@ResourceRule(
    name="vault-no-purge",
    types=(VAULT, ACCESS_POLICY),
    level=EnforcementLevel.MANDATORY,
    severity=Severity.HIGH,
    control=Control.LEAST_PRIVILEGE,
    fix="List the permissions one by one, without `all` and `purge`.",
    url=BEST_PRACTICES,
)
def no_purge(holder: ResourceView) -> Iterator[Violation]:
    """A principal with the permission to purge can delete permanently what soft delete keeps."""
    entries = [holder.peek("policy"), *known_items(holder.peek("properties.accessPolicies"))]
    for entry in entries:
        granted = peek(entry, "permissions")
        kinds = granted if isinstance(granted, dict) else {}
        if any(can_purge(permissions(entry, kind)) for kind in kinds):
            principal = text(peek(entry, "objectId")) or "A principal that is still unknown"
            yield holder.violation(f"{principal} can purge the vault.")


@ResourceRule(
    name="vault-narrow-flags",
    types=(VAULT,),
    level=EnforcementLevel.ADVISORY,
    severity=Severity.MEDIUM,
    control=Control.LEAST_PRIVILEGE,
    fix="Set the flag to false.",
    url=BEST_PRACTICES,
)
def narrow_flags(vault: ResourceView) -> Iterator[Violation]:
    """These flags let virtual machines, disk encryption or deployments read secrets; pipelines need none."""
    for flag in _FLAGS:
        if vault.peek(f"properties.{flag}") is True:
            yield vault.violation(f"Vault {_name(vault)} sets {flag}.")


@ResourceRule(
    name="vault-firewall",
    types=(VAULT,),
    level=EnforcementLevel.ADVISORY,
    severity=Severity.MEDIUM,
    control=Control.NETWORK,
    fix="Set `properties.networkAcls` to the default action Deny with the bypass AzureServices.",
    url="https://learn.microsoft.com/azure/key-vault/general/network-security",
)
def firewall(vault: ResourceView) -> Iterator[Violation]:
    """ACR passes a vault's firewall as a trusted service, so no network needs access."""
    action = vault.peek("properties.networkAcls.defaultAction")
    public = vault.peek("properties.publicNetworkAccess")
    if is_other(action, "Deny") and is_other(public, "Disabled"):
        yield vault.violation(f"Vault {_name(vault)} is open to all networks.")

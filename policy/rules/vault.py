"""Rules about key vaults, the access of pipelines to them, and logs of their use."""

from collections.abc import Iterator

from pulumi_policy import Severity

from acr_transfer.model.roles import can_read_secrets
from acr_transfer.model.vault_firewall import VaultFirewall
from acr_transfer.model.vault_firewall import vault_firewall as vault_firewall_of
from acr_transfer.model.vault_permissions import can_get_secrets, can_purge, excess_permissions
from policy.framework import links
from policy.framework.properties import UNKNOWN, Value, is_other, known_items, peek, text
from policy.framework.resource_types import (
    ACCESS_POLICY,
    DIAGNOSTIC_SETTING,
    PIPELINES,
    REGISTRY,
    ROLE_ASSIGNMENT,
    STORAGE_ACCOUNT,
    VAULT,
    TypePattern,
)
from policy.framework.resources import ResourceView, StackView, Violation
from policy.framework.rule import PREREQUISITES, Control, ResourceRule, RuleSetting, StackRule

BEST_PRACTICES = "https://learn.microsoft.com/azure/key-vault/general/secure-key-vault"
_FLAGS = ("enabledForDeployment", "enabledForDiskEncryption", "enabledForTemplateDeployment")
_LOGS: dict[TypePattern, str] = {
    VAULT: "AuditEvent",
    REGISTRY: "ContainerRegistryRepositoryEvents",
    STORAGE_ACCOUNT: "StorageRead",
}
_GROUPS = ("audit", "alllogs")


def permissions(entry: Value, kind: str) -> set[str]:
    """Return the known permissions of an access policy's entry on a kind of object, such as `secrets`.

    `[other]` stands for a text that is not a permission, so that messages cannot repeat a credential.
    """
    listed = (text(each).lower() for each in known_items(peek(entry, f"permissions.{kind}")))
    return {each if each.isalpha() else "[other]" for each in listed if each}


@ResourceRule(
    types=(VAULT,),
    severity=Severity.HIGH,
    control=Control.KEY_REPOSITORY,
    fix="Set `properties.enableSoftDelete` and `properties.enablePurgeProtection` to true; "
    "neither can be undone.",
    url="https://learn.microsoft.com/azure/key-vault/general/soft-delete-overview",
    settings=(RuleSetting("requirePurgeProtection", True, "Whether purge protection must be on."),),
)
def vault_recoverable(vault: ResourceView) -> Iterator[Violation]:
    """Without soft delete and purge protection, a secret can be lost permanently."""
    if vault.peek("properties.enableSoftDelete") is False:
        yield vault.violation(f"Soft delete of vault {vault} is off.")
    protection = vault.peek("properties.enablePurgeProtection")
    if vault.settings["requirePurgeProtection"] and protection not in (True, UNKNOWN):
        yield vault.violation(f"Purge protection of vault {vault} is off.")


@ResourceRule(
    types=(VAULT, ACCESS_POLICY),
    severity=Severity.HIGH,
    control=Control.LEAST_PRIVILEGE,
    fix="List the permissions one by one, without `all` and `purge`.",
    url=BEST_PRACTICES,
)
def vault_no_purge(holder: ResourceView) -> Iterator[Violation]:
    """A principal with the permission to purge can delete permanently what soft delete keeps."""
    entries = [holder.peek("policy"), *known_items(holder.peek("properties.accessPolicies"))]
    for entry in entries:
        granted = peek(entry, "permissions")
        kinds = granted if isinstance(granted, dict) else {}
        if any(can_purge(permissions(entry, kind)) for kind in kinds):
            principal = text(peek(entry, "objectId")) or "A principal that is still unknown"
            yield holder.violation(f"{principal} can purge the vault.")


@ResourceRule(
    types=(VAULT,),
    severity=Severity.MEDIUM,
    control=Control.LEAST_PRIVILEGE,
    fix="Set the flag to false.",
    url=BEST_PRACTICES,
)
def vault_narrow_flags(vault: ResourceView) -> Iterator[Violation]:
    """These flags let virtual machines, disk encryption or deployments read secrets; pipelines need none."""
    for flag in _FLAGS:
        if vault.peek(f"properties.{flag}") is True:
            yield vault.violation(f"Vault {vault} sets {flag}.")


@ResourceRule(
    types=(VAULT,),
    severity=Severity.MEDIUM,
    control=Control.NETWORK,
    fix="Set `properties.networkAcls` to the default action Deny with the bypass AzureServices, then test a "
    "run. The rule is disabled by default: Azure does not document that a pipeline passes.",
    url="https://learn.microsoft.com/azure/key-vault/general/network-security",
)
def vault_firewall(vault: ResourceView) -> Iterator[Violation]:
    """A firewall is a second barrier around a secret, where the pipeline is known to pass it."""
    action = vault.peek("properties.networkAcls.defaultAction")
    public = vault.peek("properties.publicNetworkAccess")
    if is_other(action, "Deny") and is_other(public, "Disabled"):
        yield vault.violation(f"Vault {vault} is open to all networks.")


@StackRule(
    severity=Severity.HIGH,
    control=Control.LEAST_PRIVILEGE,
    fix="Reduce the access policy's permissions to `secrets: [get]`.",
    url="https://learn.microsoft.com/azure/key-vault/general/assign-access-policy",
)
def vault_least_privilege(stack: StackView) -> Iterator[Violation]:
    """A pipeline reads one secret; every further permission can be misused."""
    for grant in stack.of(ACCESS_POLICY):
        for pipeline in stack.of(*PIPELINES):
            excess = _excess(grant)
            if excess and _is_grant_of(stack, grant, pipeline):
                yield grant.violation(
                    f"Pipeline {pipeline} has {', '.join(excess)}; it needs only secrets get."
                )


def _excess(grant: ResourceView) -> list[str]:
    """The permissions of an access policy beyond getting secrets, such as `secrets list`."""
    kinds, entry = grant.peek("policy.permissions"), grant.peek("policy")
    names = filter(str.isalpha, kinds) if isinstance(kinds, dict) else ()
    return excess_permissions({kind: permissions(entry, kind) for kind in names})


def _is_grant_of(stack: StackView, grant: ResourceView, pipeline: ResourceView) -> bool:
    return links.is_granted_to(stack, grant, "policy", grant.peek("policy.objectId"), pipeline)


@StackRule(
    severity=Severity.HIGH,
    control=Control.APPLICATION_IDENTITY,
    fix="Give the pipeline's principal an access policy with `secrets: [get]`; in a vault with "
    "role-based access, assign the role Key Vault Secrets User.",
    url=PREREQUISITES,
)
def vault_identity_can_read(stack: StackView) -> Iterator[Violation]:
    """Without the permission to get secrets, a pipeline's runs fail with 403 from Key Vault."""
    for pipeline in stack.of(*PIPELINES):
        used = [*links.vaults(stack, pipeline), *links.secrets(stack, pipeline)]
        checked = links.uses_sas(pipeline) and used and links.creates_identity(stack, pipeline)
        if checked and not _may_read(stack, pipeline):
            yield pipeline.violation(
                f"Pipeline {pipeline} cannot read its SAS token: "
                "no access policy or role lets it get secrets."
            )


def _may_read(stack: StackView, pipeline: ResourceView) -> bool:
    return (
        any(_gets(stack, grant, pipeline) for grant in stack.of(ACCESS_POLICY))
        or any(_has_role(stack, grant, pipeline) for grant in stack.of(ROLE_ASSIGNMENT))
        or any(_lists(stack, vault, pipeline) for vault in links.vaults(stack, pipeline))
    )


def _gets(stack: StackView, grant: ResourceView, pipeline: ResourceView) -> bool:
    """Whether an access policy lets the pipeline get secrets of a vault that it may use."""
    covered = _may_cover(stack, pipeline, stack.referenced(grant, "vaultName", VAULT))
    gets = can_get_secrets(permissions(grant.peek("policy"), "secrets"))
    return covered and gets and _is_grant_of(stack, grant, pipeline)


def _has_role(stack: StackView, grant: ResourceView, pipeline: ResourceView) -> bool:
    covered = _may_cover(stack, pipeline, stack.dependencies(grant, "scope", VAULT))
    granted = links.is_granted_to(stack, grant, "principalId", grant.peek("principalId"), pipeline)
    return can_read_secrets([text(grant.peek("roleDefinitionId"))]) and covered and granted


def _may_cover(stack: StackView, pipeline: ResourceView, granted: list[ResourceView]) -> bool:
    """Whether a grant for these vaults may include the pipeline's; unknown vaults may be the same."""
    used, urns = ({each.urn for each in found} for found in (links.vaults(stack, pipeline), granted))
    return not used or not urns or not used.isdisjoint(urns)


def _lists(stack: StackView, vault: ResourceView, pipeline: ResourceView) -> bool:
    """Whether the vault itself has an access policy that lets the pipeline get secrets."""
    return any(
        can_get_secrets(permissions(entry, "secrets"))
        and links.is_granted_to(stack, vault, "properties", peek(entry, "objectId"), pipeline)
        for entry in known_items(vault.peek("properties.accessPolicies"))
    )


@StackRule(
    severity=Severity.HIGH,
    control=Control.NETWORK,
    fix="Set `properties.networkAcls.defaultAction` to Allow, or the pipeline's `identity.type` to "
    "SystemAssigned with the bypass AzureServices.",
    url="https://learn.microsoft.com/azure/key-vault/general/overview-vnet-service-endpoints",
)
def vault_reachable(stack: StackView) -> Iterator[Violation]:
    """A closed vault refuses a user-assigned identity, and every pipeline without trusted services."""
    for pipeline in filter(links.uses_sas, stack.of(*PIPELINES)):
        user = text(pipeline.peek("identity.type")).lower() == "userassigned"
        for vault in links.vaults(stack, pipeline):
            if _firewall(vault) is VaultFirewall.CLOSED:
                yield pipeline.violation(f"The firewall of vault {vault} refuses pipeline {pipeline}.")
            elif user and _firewall(vault) is VaultFirewall.TRUSTED_SERVICES:
                identity = f"the user-assigned identity of pipeline {pipeline}"
                yield pipeline.violation(f"The firewall of vault {vault} refuses {identity}.")


def _firewall(vault: ResourceView) -> VaultFirewall:
    rules = "properties.networkAcls"
    return vault_firewall_of(
        text(vault.peek("properties.publicNetworkAccess")),
        text(vault.peek(f"{rules}.defaultAction")),
        text(vault.peek(f"{rules}.bypass")),
    )


@StackRule(
    severity=Severity.MEDIUM,
    control=Control.LOGGING,
    fix="Add a DiagnosticSetting with the category group audit or allLogs; for storage, on its blob service.",
    url="https://learn.microsoft.com/azure/azure-monitor/platform/diagnostic-settings",
)
def audit_logs(stack: StackView) -> Iterator[Violation]:
    """Without a diagnostic setting, the use of a SAS token leaves no trace."""
    for type, category in _LOGS.items():
        for resource in stack.of(type):
            if not any(_logs(stack, each, resource, type, category) for each in stack.of(DIAGNOSTIC_SETTING)):
                yield resource.violation(f"No diagnostic setting logs the use of {resource}.")


def _logs(
    stack: StackView, setting: ResourceView, resource: ResourceView, type: TypePattern, category: str
) -> bool:
    covers = resource in stack.dependencies(setting, "resourceUri", type) or _names(setting, resource)
    logs = setting.peek("logs")
    return covers and (logs is UNKNOWN or any(_includes(log, category) for log in known_items(logs)))


def _names(setting: ResourceView, resource: ResourceView) -> bool:
    """Whether the setting names the resource, or a part of it, by its ID."""
    own = text(resource.peek("id")).lower()
    return bool(own) and f"{text(setting.peek('resourceUri')).lower()}/".startswith(f"{own}/")


def _includes(log: object, category: str) -> bool:
    named = text(peek(log, "category")) == category or text(peek(log, "categoryGroup")).lower() in _GROUPS
    return named and peek(log, "enabled") is not False

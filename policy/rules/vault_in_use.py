"""Rules about who may read a vault that pipelines of the stack use, and whether it is seen."""

from collections.abc import Iterator

from pulumi_policy import EnforcementLevel, Severity

from acr_transfer.model.roles import can_read_secrets
from acr_transfer.model.vault_permissions import can_get_secrets, excess_permissions
from policy.framework.controls import Control
from policy.framework.links import (
    PIPELINES,
    belongs_to,
    has_own_identity,
    pipeline_name,
    secrets,
    uses_sas,
    vaults,
)
from policy.framework.properties import UNKNOWN, known_items, peek, text
from policy.framework.resource_types import (
    ACCESS_POLICY,
    DIAGNOSTIC_SETTING,
    REGISTRY,
    ROLE_ASSIGNMENT,
    STORAGE_ACCOUNT,
    VAULT,
    Kind,
)
from policy.framework.resources import Finding, Stack, Subject
from policy.framework.rule import stack_rule
from policy.rules.vault import permissions

_LOGS: dict[Kind, str] = {
    VAULT: "AuditEvent",
    REGISTRY: "ContainerRegistryRepositoryEvents",
    STORAGE_ACCOUNT: "StorageRead",
}
_GROUPS = ("audit", "alllogs")


@stack_rule(
    "vault-least-privilege",
    level=EnforcementLevel.MANDATORY,
    severity=Severity.HIGH,
    control=Control.LEAST_PRIVILEGE,
    why="A pipeline reads one secret, and whatever else it may do can be misused.",
    fix="Set the access policy's permissions to `secrets: [get]` and nothing else.",
    url="https://learn.microsoft.com/azure/key-vault/general/assign-access-policy",
)
def least_privilege(stack: Stack) -> Iterator[Finding]:
    """Find access policies that give a pipeline more than it needs."""
    for grant in stack.of(ACCESS_POLICY):
        for pipeline in stack.of(*PIPELINES):
            extra = _extra(grant)
            if extra and _is_grant_of(stack, grant, pipeline):
                yield grant.fault(
                    f"Pipeline {pipeline_name(pipeline)} has {', '.join(extra)}; it needs only secrets get."
                )


def _extra(grant: Subject) -> list[str]:
    """What an access policy gives beyond getting secrets, such as `secrets list`."""
    kinds, entry = grant.peek("policy.permissions"), grant.peek("policy")
    return excess_permissions(
        {kind: permissions(entry, kind) for kind in (kinds if isinstance(kinds, dict) else {})}
    )


def _is_grant_of(stack: Stack, grant: Subject, pipeline: Subject) -> bool:
    return belongs_to(stack, grant, "policy", grant.peek("policy.objectId"), pipeline)


@stack_rule(
    "vault-identity-can-read",
    level=EnforcementLevel.MANDATORY,
    severity=Severity.HIGH,
    control=Control.APPLICATION_IDENTITY,
    why="Without the right to get secrets a pipeline's runs end in 403 from Key Vault.",
    fix="Give the pipeline's principal an access policy with `secrets: [get]`; in a vault with role-based "
    "access give it the role Key Vault Secrets User.",
    url="https://learn.microsoft.com/azure/container-registry/container-registry-transfer-prerequisites",
)
def identity_can_read(stack: Stack) -> Iterator[Finding]:
    """Find pipelines that cannot read their token, where vault or secret, and the identity, are ours."""
    for pipeline in stack.of(*PIPELINES):
        own = [*vaults(stack, pipeline), *secrets(stack, pipeline)]
        watched = uses_sas(pipeline) and own and has_own_identity(stack, pipeline)
        if watched and not _may_read(stack, pipeline):
            yield pipeline.fault(
                f"Pipeline {pipeline_name(pipeline)} cannot read its SAS: nothing lets it get secrets."
            )


def _may_read(stack: Stack, pipeline: Subject) -> bool:
    return (
        any(_gets(stack, grant, pipeline) for grant in stack.of(ACCESS_POLICY))
        or any(_has_role(stack, grant, pipeline) for grant in stack.of(ROLE_ASSIGNMENT))
        or any(_lists(stack, vault, pipeline) for vault in vaults(stack, pipeline))
    )


def _gets(stack: Stack, grant: Subject, pipeline: Subject) -> bool:
    """Whether an access policy lets the pipeline get secrets, of the vault that it uses if that is known."""
    used = {vault.urn for vault in vaults(stack, pipeline)}
    granted = {vault.urn for vault in stack.linked(grant, "vaultName", VAULT)}
    there = not used or not granted or bool(used & granted)
    gets = can_get_secrets(permissions(grant.peek("policy"), "secrets"))
    return there and gets and _is_grant_of(stack, grant, pipeline)


def _has_role(stack: Stack, grant: Subject, pipeline: Subject) -> bool:
    used = {vault.urn for vault in vaults(stack, pipeline)}
    scopes = {vault.urn for vault in stack.behind(grant, "scope", VAULT)}
    there = not used or not scopes or bool(used & scopes)
    is_its = belongs_to(stack, grant, "principalId", grant.peek("principalId"), pipeline)
    return can_read_secrets([text(grant.peek("roleDefinitionId"))]) and there and is_its


def _lists(stack: Stack, vault: Subject, pipeline: Subject) -> bool:
    """Whether the vault itself has an entry for the pipeline."""
    return any(
        can_get_secrets(permissions(entry, "secrets"))
        and belongs_to(stack, vault, "properties", peek(entry, "objectId"), pipeline)
        for entry in known_items(vault.peek("properties.accessPolicies"))
    )


@stack_rule(
    "audit-logs",
    level=EnforcementLevel.ADVISORY,
    severity=Severity.MEDIUM,
    control=Control.LOGGING,
    why="Without a diagnostic setting, use of the SAS leaves no trace.",
    fix="Add a DiagnosticSetting with the category group audit or allLogs; for storage to its blobs.",
    url="https://learn.microsoft.com/azure/azure-monitor/platform/diagnostic-settings",
)
def audit_logs(stack: Stack) -> Iterator[Finding]:
    """Find vaults, registries and storage accounts of the stack whose use is not logged."""
    for kind, category in _LOGS.items():
        for subject in stack.of(kind):
            if not any(_logs(stack, each, subject, kind, category) for each in stack.of(DIAGNOSTIC_SETTING)):
                yield subject.fault(f"Nothing logs who uses {subject.called('name')}.")


def _logs(stack: Stack, setting: Subject, subject: Subject, kind: Kind, category: str) -> bool:
    is_its = subject in stack.behind(setting, "resourceUri", kind) or _is_of(setting, subject)
    logs = setting.peek("logs")
    return is_its and (logs is UNKNOWN or any(_takes(log, category) for log in known_items(logs)))


def _is_of(setting: Subject, subject: Subject) -> bool:
    """Whether the setting's resource is written down as one with this ID."""
    own = text(subject.peek("id")).lower()
    return bool(own) and f"{text(setting.peek('resourceUri')).lower()}/".startswith(f"{own}/")


def _takes(log: object, category: str) -> bool:
    named = text(peek(log, "category")) == category or text(peek(log, "categoryGroup")).lower() in _GROUPS
    return named and peek(log, "enabled") is not False


RULES = (least_privilege, identity_can_read, audit_logs)

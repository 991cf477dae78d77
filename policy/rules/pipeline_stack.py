"""Rules about the rights of pipelines, from the roles of their identity or from their SAS token."""

import re
from collections.abc import Iterator

from pulumi_policy import EnforcementLevel, Severity

from acr_transfer.model.credentials import quoted, without_credentials
from acr_transfer.model.options import DELETE_SOURCE_BLOB
from acr_transfer.model.roles import Role, can_use_container, container_role
from policy.framework import links
from policy.framework.addresses import Address
from policy.framework.properties import UNKNOWN, text
from policy.framework.resource_types import IMPORT_PIPELINE, PIPELINES, ROLE_ASSIGNMENT
from policy.framework.resources import ResourceView, StackView, Violation
from policy.framework.rule import TRANSFER, TROUBLESHOOTING, Control, StackRule
from policy.rules.sas import tag

_STORAGE = re.compile(r"/storageaccounts/([^/]+)(?:/blobservices/default/containers/([^/]+))?")


@StackRule(
    severity=Severity.HIGH,
    control=Control.LEAST_PRIVILEGE,
    fix=f"Assign {Role.BLOB_CONTRIBUTOR.label} to the pipeline's principal on the container; "
    f"{Role.BLOB_READER.label} is enough for an import that keeps its blobs.",
    url="https://learn.microsoft.com/azure/container-registry/container-registry-transfer-cli",
)
def pipeline_identity_storage_role(stack: StackView) -> Iterator[Violation]:
    """With ManagedIdentity, the roles of a pipeline's identity decide what it can do in its container."""
    for pipeline in stack.of(*PIPELINES):
        if not links.uses_identity(pipeline) or not links.creates_identity(stack, pipeline):
            continue
        ids = [each.peek("roleDefinitionId") for each in _roles_of(stack, pipeline)]
        deletes = links.has_option(pipeline, DELETE_SOURCE_BLOB)
        if UNKNOWN in ids or (deletes is UNKNOWN and not links.exports(pipeline)):
            continue
        direction, deletes = links.direction_of(pipeline), deletes is True
        if not can_use_container(map(text, ids), direction, deletes_blobs=deletes):
            roles = {role.label if (role := Role.of(text(id))) else "another role" for id in ids}
            held = ", ".join(sorted(roles)) or "no role on its container"
            action = "write" if links.exports(pipeline) else "read and delete" if deletes else "read"
            yield pipeline.violation(
                f"Pipeline {pipeline} has {held}; to {action} blobs it needs "
                f"{container_role(direction, deletes_blobs=deletes).label}."
            )


def _roles_of(stack: StackView, pipeline: ResourceView) -> list[ResourceView]:
    """The role assignments of a pipeline's identity whose scope may include its container."""
    return [
        each
        for each in stack.of(ROLE_ASSIGNMENT)
        if links.is_granted_to(stack, each, "principalId", each.peek("principalId"), pipeline)
        and _reaches(text(each.peek("scope")), Address.of(links.container_url(pipeline)))
    ]


def _reaches(scope: str, container: Address) -> bool:
    """Whether a scope may include the container: it names no other account or container."""
    found = _STORAGE.search(scope.lower())
    if not found or not container.host:
        return True
    # An emulator has the account in its path, not in its host.
    names = {container.host.partition(".")[0], *container.segments}
    return names.issuperset(filter(None, found.groups()))


@StackRule(
    other_level=EnforcementLevel.MANDATORY,
    severity=Severity.MEDIUM,
    control=Control.CONFIGURATION,
    fix="Create a token with `d` in its permissions (`sp`), or remove the option DeleteSourceBlobOnSuccess.",
    url=TRANSFER,
)
def import_delete_permission(stack: StackView) -> Iterator[Violation]:
    """Blobs stay after their import if the SAS token has no delete permission."""
    for pipeline, permissions in _imports_by_token(stack):
        if links.has_option(pipeline, DELETE_SOURCE_BLOB) is True and "d" not in permissions:
            yield pipeline.violation(
                f"Pipeline {pipeline} is configured to delete imported blobs, "
                f"but its SAS token has {quoted(permissions)} and lacks d (delete)."
            )


@StackRule(
    other_level=EnforcementLevel.MANDATORY,
    severity=Severity.MEDIUM,
    control=Control.CONFIGURATION,
    fix="Create a token with `l` in its permissions (`sp`), or disable the trigger and create runs.",
    url=TROUBLESHOOTING,
)
def import_trigger_can_list(stack: StackView) -> Iterator[Violation]:
    """A source trigger lists the container to find new blobs."""
    for pipeline, permissions in _imports_by_token(stack):
        if links.is_triggered(pipeline) is True and "l" not in permissions:
            yield pipeline.violation(
                f"The trigger of {pipeline} cannot list blobs: "
                f"its SAS token has {quoted(permissions)} and lacks l (list)."
            )


def _imports_by_token(stack: StackView) -> Iterator[tuple[ResourceView, str]]:
    """Import pipelines with the permissions of their tokens, from the tag of the secret."""
    for pipeline in stack.of(IMPORT_PIPELINE):
        for secret in links.secrets(stack, pipeline) if links.uses_sas(pipeline) else ():
            if permissions := tag(secret, "sp"):
                yield pipeline, without_credentials(permissions).lower()

"""Rules about what pipelines may do, by the role of their identity or by their SAS token."""

import re
from collections.abc import Iterator

from pulumi_policy import EnforcementLevel, Severity

from acr_transfer.model.options import DELETE_SOURCE_BLOB
from acr_transfer.model.roles import Role, can_use_container, container_role
from policy.framework.addresses import Address
from policy.framework.controls import Control
from policy.framework.links import (
    PIPELINES,
    belongs_to,
    container_url,
    direction_of,
    exports,
    has_own_identity,
    pipeline_name,
    secrets,
    uses_identity,
    uses_sas,
)
from policy.framework.options import has_option, is_triggered
from policy.framework.properties import UNKNOWN, Value, text
from policy.framework.resource_types import IMPORT_PIPELINE, ROLE_ASSIGNMENT
from policy.framework.resources import Finding, Stack, Subject
from policy.framework.rule import stack_rule
from policy.framework.sas_token import tag

TRANSFER = "https://learn.microsoft.com/azure/container-registry/container-registry-transfer-images"
CLI = "https://learn.microsoft.com/azure/container-registry/container-registry-transfer-cli"
TROUBLE = "https://learn.microsoft.com/azure/container-registry/container-registry-transfer-troubleshooting"

_STORAGE = re.compile(r"/storageaccounts/([^/]+)(?:/blobservices/default/containers/([^/]+))?")


@stack_rule(
    "pipeline-identity-storage-role",
    level=EnforcementLevel.MANDATORY,
    severity=Severity.HIGH,
    control=Control.LEAST_PRIVILEGE,
    why="With ManagedIdentity a pipeline can do in its container just what its identity's role allows.",
    fix=f"Assign {Role.BLOB_CONTRIBUTOR.label} to the pipeline's principal, at the container; "
    f"{Role.BLOB_READER.label} is enough for an import that deletes nothing.",
    url=CLI,
)
def identity_storage_role(stack: Stack) -> Iterator[Finding]:
    """Find identities made here that have no role, or too small a one; others may have theirs already."""
    for pipeline in stack.of(*PIPELINES):
        if not uses_identity(pipeline) or not has_own_identity(stack, pipeline):
            continue
        ids = [each.peek("roleDefinitionId") for each in _roles_of(stack, pipeline)]
        deletes = has_option(pipeline, DELETE_SOURCE_BLOB)
        if UNKNOWN in ids or (deletes is UNKNOWN and not exports(pipeline)):
            continue
        way, deletes = direction_of(pipeline), deletes is True
        if not can_use_container(map(text, ids), way, deletes_blobs=deletes):
            held = ", ".join(sorted({_role_name(id) for id in ids})) or "no role on its container"
            yield pipeline.fault(
                f"Pipeline {pipeline_name(pipeline)} has {held}; to {_deed(pipeline)} blobs it needs "
                f"{container_role(way, deletes_blobs=deletes).label}."
            )


def _roles_of(stack: Stack, pipeline: Subject) -> list[Subject]:
    """The role assignments of a pipeline's identity that reach its container, or may."""
    return [
        each
        for each in stack.of(ROLE_ASSIGNMENT)
        if belongs_to(stack, each, "principalId", each.peek("principalId"), pipeline)
        and _reaches(text(each.peek("scope")), Address.of(container_url(pipeline)))
    ]


def _reaches(scope: str, container: Address) -> bool:
    """Whether a scope is not that of another account or container; what is not known may be the same."""
    found = _STORAGE.search(scope.lower())
    if not found or not container.host:
        return True
    # An emulator's host is the machine's, and the account is in the path.
    names = {container.host.partition(".")[0], *container.segments}
    return names.issuperset(filter(None, found.groups()))


def _deed(pipeline: Subject) -> str:
    if exports(pipeline):
        return "write"
    return "read and delete" if has_option(pipeline, DELETE_SOURCE_BLOB) else "read"


def _role_name(id: Value) -> str:
    role = Role.of(text(id))
    return role.label if role else "another role"


@stack_rule(
    "import-delete-permission",
    level=EnforcementLevel.MANDATORY,
    severity=Severity.MEDIUM,
    control=Control.CONFIGURATION,
    why="A blob that should go after its import stays when the SAS token does not allow to delete it.",
    fix="Make the token with `d` among its permissions (`sp`), "
    "or remove the option DeleteSourceBlobOnSuccess.",
    url=TRANSFER,
)
def delete_permission(stack: Stack) -> Iterator[Finding]:
    """Find imports that shall delete with a token that cannot."""
    for pipeline, permissions in _imports_by_token(stack):
        if has_option(pipeline, DELETE_SOURCE_BLOB) is True and "d" not in permissions:
            yield pipeline.fault(
                f"Pipeline {pipeline_name(pipeline)} shall delete each blob that it has imported; "
                f"its SAS token has {permissions!r} and lacks d (delete), so blobs will stay."
            )


@stack_rule(
    "import-trigger-can-list",
    level=EnforcementLevel.MANDATORY,
    severity=Severity.MEDIUM,
    control=Control.CONFIGURATION,
    why="A trigger finds new blobs by listing the container.",
    fix="Make the token with `l` among its permissions (`sp`), or disable the trigger and make runs.",
    url=TROUBLE,
)
def trigger_can_list(stack: Stack) -> Iterator[Finding]:
    """Find triggers with a token that cannot list."""
    for pipeline, permissions in _imports_by_token(stack):
        if is_triggered(pipeline) is True and "l" not in permissions:
            yield pipeline.fault(
                f"The trigger of {pipeline_name(pipeline)} cannot see blobs: "
                f"its SAS token has {permissions!r} and lacks l (list)."
            )


def _imports_by_token(stack: Stack) -> Iterator[tuple[Subject, str]]:
    """Import pipelines, and the permissions of their tokens as the secret's tag says them."""
    for pipeline in stack.of(IMPORT_PIPELINE):
        for secret in secrets(stack, pipeline) if uses_sas(pipeline) else ():
            if permissions := tag(secret, "sp"):
                yield pipeline, permissions.lower()


RULES = (
    identity_storage_role,
    delete_permission,
    trigger_can_list,
)

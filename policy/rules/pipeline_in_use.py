"""Rules about what pipelines may do, by the role of their identity or by their SAS token."""

import re
from collections.abc import Iterator

from pulumi_policy import EnforcementLevel, Severity

from policy.framework.addresses import Address
from policy.framework.controls import Control
from policy.framework.links import (
    PIPELINES,
    belongs_to,
    container_url,
    exports,
    has_own_identity,
    pipeline_name,
    secrets,
    uses_identity,
    uses_sas,
)
from policy.framework.options import DELETE_SOURCE_BLOB, has_option, is_triggered
from policy.framework.properties import UNKNOWN, Value, text
from policy.framework.resource_types import IMPORT_PIPELINE, ROLE_ASSIGNMENT
from policy.framework.resources import Finding, Stack, Subject
from policy.framework.rule import stack_rule
from policy.framework.sas_token import tag

TRANSFER = "https://learn.microsoft.com/azure/container-registry/container-registry-transfer-images"
CLI = "https://learn.microsoft.com/azure/container-registry/container-registry-transfer-cli"
TROUBLE = "https://learn.microsoft.com/azure/container-registry/container-registry-transfer-troubleshooting"

_READS, _WRITES, _OWNS = (
    "Storage Blob Data Reader",
    "Storage Blob Data Contributor",
    "Storage Blob Data Owner",
)
_ROLES = {
    "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1": _READS,
    "ba92f5b4-2d11-453d-a403-e96b0029c9fe": _WRITES,
    "b7e6dc6d-f1e8-4753-8033-0f276bb0955b": _OWNS,
}
"""https://learn.microsoft.com/azure/role-based-access-control/built-in-roles/storage."""

_STORAGE = re.compile(r"/storageaccounts/([^/]+)(?:/blobservices/default/containers/([^/]+))?")


@stack_rule(
    "pipeline-identity-storage-role",
    level=EnforcementLevel.MANDATORY,
    severity=Severity.HIGH,
    control=Control.LEAST_PRIVILEGE,
    why="With ManagedIdentity a pipeline can do in its container just what its identity's role allows.",
    mend=f"Assign {_WRITES} to the pipeline's principal, at the container; "
    f"{_READS} is enough for an import that deletes nothing.",
    url=CLI,
)
def identity_storage_role(stack: Stack) -> Iterator[Finding]:
    """Find identities made here that have no role, or too small a one; others may have theirs already."""
    for pipeline in stack.of(*PIPELINES):
        if not uses_identity(pipeline) or not has_own_identity(stack, pipeline):
            continue
        enough = _enough(pipeline)
        ids = [each.peek("roleDefinitionId") for each in _roles_of(stack, pipeline)]
        roles = {_role(id) for id in ids}
        if enough and UNKNOWN not in ids and roles.isdisjoint(enough):
            held = ", ".join(sorted(roles)) or "no role on its container"
            yield pipeline.fault(
                f"Pipeline {pipeline_name(pipeline)} has {held}; "
                f"to {_deed(pipeline)} blobs it needs {enough[0]}."
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


def _enough(pipeline: Subject) -> tuple[str, ...]:
    """The roles of which one is enough, the least one first; none while it is not known what is done."""
    deletes = has_option(pipeline, DELETE_SOURCE_BLOB)
    if exports(pipeline) or deletes is True:
        return (_WRITES, _OWNS)
    return () if deletes is UNKNOWN else (_READS, _WRITES, _OWNS)


def _deed(pipeline: Subject) -> str:
    if exports(pipeline):
        return "write"
    return "read and delete" if has_option(pipeline, DELETE_SOURCE_BLOB) else "read"


def _role(id: Value) -> str:
    """A role by its definition's ID, which ends alike in every subscription."""
    return _ROLES.get(text(id).lower().rpartition("/")[2], "another role")


@stack_rule(
    "import-delete-permission",
    level=EnforcementLevel.MANDATORY,
    severity=Severity.MEDIUM,
    control=Control.CONFIGURATION,
    why="A blob that should go after its import stays when the SAS token does not allow to delete it.",
    mend="Make the token with `d` among its permissions (`sp`), "
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
    mend="Make the token with `l` among its permissions (`sp`), or disable the trigger and make runs.",
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

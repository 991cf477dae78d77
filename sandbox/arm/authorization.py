"""Authorization of management requests by the caller's roles.

https://learn.microsoft.com/azure/role-based-access-control/overview#how-azure-rbac-determines-if-a-user-has-access-to-a-resource
"""

from collections.abc import Mapping

from sandbox.arm import operations, roles
from sandbox.arm.resource_id import ResourceId
from sandbox.arm.resource_type import Request, ResourceType
from sandbox.cloud.database import Json
from sandbox.http.azure_errors import AzureError

_VERBS = {"GET": "read", "HEAD": "read", "PUT": "write", "PATCH": "write", "DELETE": "delete"}
GROUPS = "Microsoft.Resources/subscriptions/resourceGroups"
_ASSIGN = f"{roles.IDENTITIES}/assign/action"


def require(request: Request, types: Mapping[str, ResourceType]) -> None:
    """Raise AzureError unless the caller's roles permit the request and the identities that it assigns."""
    action, scope = _action(request, types)
    if not action:
        return
    principal, grants = request.principal, granted_to(request)
    if not grants.permit(action, scope):
        raise AzureError("AuthorizationFailed", principal=principal, action=action, scope=scope)
    for identity in _assigned_identities(request):
        if not grants.permit(_ASSIGN, identity):
            raise AzureError(
                "LinkedAuthorizationFailed",
                principal=principal,
                action=action,
                scope=scope,
                linked=_ASSIGN,
                target=identity,
            )


def _action(request: Request, types: Mapping[str, ResourceType]) -> tuple[str, str]:
    """Action and scope of a request; the action is empty if no permission is required.

    No permission is required for operations and for lists, which contain only readable resources.
    """
    id = request.id
    if not id.namespace:
        return (f"{GROUPS}/{_VERBS.get(request.method, 'action')}", str(id)) if id.group else ("", "")
    if operations.PATHS & {segment.lower() for segment in id.segments}:
        return "", ""
    if id.named:
        return f"{_spelled(id, types)}/{_VERBS.get(request.method, 'action')}", str(id)
    if request.method == "POST" and id.up.named:
        return f"{_spelled(id.up, types)}/{id.segments[-1]}/action", str(id.up)
    if request.method == "POST":
        return f"{_spelled(id, types)}/read", f"/subscriptions/{id.subscription}"
    return "", ""


def readable(request: Request, type: str, found: list[Json]) -> list[Json]:
    """The resources of a list that the caller may read."""
    grants = granted_to(request)
    if grants.permit(
        f"{type}/read", request.id.scope or str(ResourceId(request.id.subscription, request.id.group))
    ):
        return found
    # Entries without an ID describe the caller.
    return [body for body in found if "id" not in body or grants.permit(f"{type}/read", body["id"])]


def granted_to(request: Request) -> roles.Grants:
    """The caller's roles."""
    return roles.Grants(request.resources, request.faults, request.principal)


def _spelled(id: ResourceId, types: Mapping[str, ResourceType]) -> str:
    kind = types.get(id.type)
    return kind.name if kind else "/".join((id.namespace, *id.segments[0::2]))


def _assigned_identities(request: Request) -> list[str]:
    identity = request.body.get("identity")
    given = identity.get("userAssignedIdentities") if isinstance(identity, dict) else None
    writes = request.method in ("PUT", "PATCH")
    return (
        [id for id, kept in given.items() if kept is not None] if writes and isinstance(given, dict) else []
    )

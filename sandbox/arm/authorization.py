"""Whether the caller's roles permit a request on the management endpoint.

https://learn.microsoft.com/azure/role-based-access-control/overview#how-azure-rbac-determines-if-a-user-has-access-to-a-resource
"""

from __future__ import annotations

from collections.abc import Mapping

from sandbox.arm import operations, roles
from sandbox.arm.resource_id import ResourceId
from sandbox.arm.resource_type import Request, ResourceType
from sandbox.cloud.store import Json
from sandbox.http.azure_errors import AzureError

_VERBS = {"GET": "read", "HEAD": "read", "PUT": "write", "PATCH": "write", "DELETE": "delete"}
GROUPS = "Microsoft.Resources/subscriptions/resourceGroups"
_ASSIGN = f"{roles.IDENTITIES}/assign/action"


def demand(request: Request, types: Mapping[str, ResourceType]) -> None:
    """Refuse what no role of the caller permits, and identities that the caller may not hand on."""
    action, scope = asked(request, types)
    if not action:
        return
    who, grants = request.principal, roles.Grants(request.cloud, request.principal)
    if not grants.permit(action, scope):
        raise AzureError("AuthorizationFailed", principal=who, action=action, scope=scope)
    for identity in _handed_on(request):
        if not grants.permit(_ASSIGN, identity):
            raise AzureError(
                "LinkedAuthorizationFailed",
                principal=who,
                action=action,
                scope=scope,
                linked=_ASSIGN,
                target=identity,
            )


def asked(request: Request, types: Mapping[str, ResourceType]) -> tuple[str, str]:
    """Action and scope of a request; no action where everybody may ask.

    Everybody may follow an operation's link, and gets of a list what they may read.
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
    """What of a list of resources of one type the caller may read."""
    grants = roles.Grants(request.cloud, request.principal)
    if grants.permit(f"{type}/read", request.id.scope or _place(request.id)):
        return found
    # What has no ID is about the caller: everybody may ask for that.
    return [body for body in found if "id" not in body or grants.permit(f"{type}/read", body["id"])]


def _place(id: ResourceId) -> str:
    """What a list is of: a group, or the whole subscription."""
    return str(ResourceId(id.subscription, id.group))


def _spelled(id: ResourceId, types: Mapping[str, ResourceType]) -> str:
    kind = types.get(id.type)
    return kind.name if kind else "/".join((id.namespace, *id.segments[0::2]))


def _handed_on(request: Request) -> list[str]:
    identity = request.body.get("identity")
    given = identity.get("userAssignedIdentities") if isinstance(identity, dict) else None
    writes = request.method in ("PUT", "PATCH")
    return (
        [id for id, kept in given.items() if kept is not None] if writes and isinstance(given, dict) else []
    )

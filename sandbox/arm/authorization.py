"""Authorization of management requests by the caller's roles.

https://learn.microsoft.com/azure/role-based-access-control/overview#how-azure-rbac-determines-if-a-user-has-access-to-a-resource
"""

from collections.abc import Callable, Iterator, Mapping

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
    principal, permits = request.principal, _recording(request)
    if not permits(action, scope):
        raise AzureError("AuthorizationFailed", principal=principal, action=action, scope=scope)
    for linked, target in _linked(request, types):
        if not permits(linked, target):
            raise AzureError(
                "LinkedAuthorizationFailed",
                principal=principal,
                action=action,
                scope=scope,
                linked=linked,
                target=target,
            )


def _recording(request: Request) -> Callable[[str, str], bool]:
    """The check of one action, which records that the request needs it."""
    grants, needed = granted_to(request), request.cloud.needed_rights

    def permits(action: str, scope: str) -> bool:
        needed.record(request.principal, action, scope)
        return grants.permit(action, scope)

    return permits


def _linked(request: Request, types: Mapping[str, ResourceType]) -> Iterator[tuple[str, str]]:
    """The actions that a request needs on other resources that its body names."""
    for identity in _assigned_identities(request):
        yield _ASSIGN, identity
    run = request.properties.get("request")
    pipeline = run.get("pipelineResourceId") if isinstance(run, dict) else None
    needs = request.faults.choice("run-needs-pipeline") == "read"
    if needs and request.method == "PUT" and (id := ResourceId.parse(str(pipeline or ""))):
        yield f"{_spelled(id, types)}/read", str(id)


def _action(request: Request, types: Mapping[str, ResourceType]) -> tuple[str, str]:
    """Action and scope of a request; the action is empty if no permission is required.

    A list of the subscription or of a group needs no permission if it contains only readable resources, and
    neither does the status of an operation at a location.
    """
    id = request.id
    if not id.namespace:
        return (f"{GROUPS}/{_VERBS.get(request.method, 'action')}", str(id)) if id.group else ("", "")
    if operations.PATHS & {segment.lower() for segment in id.segments}:
        return _status_action(request, types)
    if id.named:
        return f"{_spelled(id, types)}/{_VERBS.get(request.method, 'action')}", str(id)
    if request.method == "POST" and id.up.named:
        return f"{_spelled(id.up, types)}/{id.segments[-1]}/action", str(id.up)
    if request.method == "POST":
        return f"{_spelled(id, types)}/read", f"/subscriptions/{id.subscription}"
    return _list_action(request, types)


def _status_action(request: Request, types: Mapping[str, ResourceType]) -> tuple[str, str]:
    """The permission for the status of an operation, which is below its resource or at a location."""
    resource = request.id.up.up
    if not resource.named or resource.type not in types or request.faults.choice("operation-needs") == "none":
        return "", ""
    return f"{_spelled(resource, types)}/operationStatuses/read", str(resource)


def _list_action(request: Request, types: Mapping[str, ResourceType]) -> tuple[str, str]:
    """The permission for a list: none for the caller's own permissions."""
    id = request.id
    if id.type == "microsoft.authorization/permissions" or id.type not in types:
        return "", ""
    if not id.scope and not id.up.named and request.faults.choice("list-needs") == "none":
        return "", ""
    above = str(ResourceId(id.subscription, id.group))
    return f"{_spelled(id, types)}/read", id.scope or (str(id.up) if id.up.named else above)


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

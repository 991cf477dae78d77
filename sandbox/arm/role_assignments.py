"""Microsoft.Authorization: role assignments, role definitions and permissions."""

import re
from datetime import UTC, datetime

from sandbox.arm import authorization, bodies, roles
from sandbox.arm.resource_type import Answer, Request, ResourceType, api_versions
from sandbox.cloud.database import Json
from sandbox.http.azure_errors import AzureError


async def put_assignment(request: Request) -> Answer:
    """Assign a role to a principal. Neither can change later."""
    role, principal = _assigned(request.properties)
    if role not in roles.definitions():
        raise AzureError("RoleDefinitionDoesNotExist", role=role)
    existing = request.existing
    if existing and _assigned(existing["properties"]) != (role, principal):
        raise AzureError("RoleAssignmentUpdateNotPermitted")
    _refuse_duplicate(request, role, principal)
    if principal not in roles.principals(request.cloud):
        raise AzureError(
            "PrincipalNotFound", principal=principal.replace("-", ""), tenant=request.cloud.definition.tenant
        )
    body = roles.assignment(request.cloud, request.id, principal, role)
    body["properties"] |= {key: value for key, value in request.properties.items() if key in _KEPT}
    body["properties"] |= _history(request)
    since = request.faults.time() + request.faults.grants
    body["sandbox"] = (existing or {}).get("sandbox") or {"since": since}
    status = bodies.store(request, body)
    await request.cloud.azurite.renew()
    return Answer(status, body)


async def delete_assignment(request: Request) -> Answer:
    """Delete a role assignment; the response has its last state."""
    request.resources.remove(request.id)
    await request.cloud.azurite.renew()
    return Answer(200, request.existing)


async def list_assignments(request: Request) -> list[Json]:
    """List the assignments at, above and below a scope; `$filter` can exclude those below, or select."""
    scope, filter = request.id.scope.lower(), request.query.get("$filter", "")
    principal = re.search(r"(?:principalId eq|assignedTo\()\s*'([^']+)'", filter)
    found = []
    for body in request.resources.of_type(roles.ASSIGNMENTS):
        assigned = body["properties"]["scope"].lower()
        above, below = f"{scope}/".startswith(f"{assigned}/"), assigned.startswith(f"{scope}/")
        here = above or (below and "atscope" not in filter.lower())
        if here and (not principal or body["properties"]["principalId"] == principal.group(1)):
            found.append(body)
    return found


async def list_permissions(request: Request) -> list[Json]:
    """List the caller's permissions on a resource."""
    held = authorization.granted_to(request).at(request.id.scope)
    return [{"actions": [*role.actions], "notActions": [*role.not_actions]} for role in held]


async def find_definition(request: Request) -> Json | None:
    """A built-in role."""
    guid = request.id.name.lower()
    if guid not in roles.definitions():
        raise AzureError("RoleDefinitionDoesNotExist", role=request.id.name)
    return _definition(request, guid)


async def list_definitions(request: Request) -> list[Json]:
    """List the built-in roles; `$filter` can select one by name."""
    named = re.search(r"roleName eq '([^']+)'", request.query.get("$filter", ""))
    return [
        _definition(request, guid)
        for guid, role in roles.definitions().items()
        if not named or role.name == named.group(1)
    ]


_KEPT = ("principalType", "description")


def _assigned(properties: Json) -> tuple[str, str]:
    """GUID of the role and principal."""
    role = str(properties.get("roleDefinitionId") or "").rpartition("/")[2].lower()
    return role, str(properties.get("principalId") or "")


def _refuse_duplicate(request: Request, role: str, principal: str) -> None:
    for body in request.resources.of_type(roles.ASSIGNMENTS):
        same = _assigned(body["properties"]) == (role, principal)
        here = body["properties"]["scope"].lower() == request.id.scope.lower()
        if same and here and body["name"].lower() != request.id.name.lower():
            raise AzureError("RoleAssignmentExists", name=str(body["name"]).replace("-", ""))


def _history(request: Request) -> Json:
    """The principals that created and changed the assignment, with times."""
    now, by = datetime.now(UTC).isoformat(), request.principal
    old = (request.existing or {}).get("properties") or {}
    created = {"createdOn": old.get("createdOn", now), "createdBy": old.get("createdBy", by)}
    return {**created, "updatedOn": now, "updatedBy": by}


def _definition(request: Request, guid: str) -> Json:
    role = roles.definitions()[guid]
    permission = {
        "actions": role.actions,
        "notActions": role.not_actions,
        "dataActions": role.data_actions,
        "notDataActions": [],
    }
    scope = f"/subscriptions/{request.cloud.definition.subscription}"
    return {
        "id": f"{scope}/providers/Microsoft.Authorization/roleDefinitions/{guid}",
        "type": "Microsoft.Authorization/roleDefinitions",
        "name": guid,
        "properties": {
            "roleName": role.name,
            "type": "BuiltInRole",
            "description": role.description,
            "assignableScopes": ["/"],
            "permissions": [permission],
        },
    }


_GUID = "[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_ROLE_VERSIONS = api_versions("role_assignments")
TYPES = (
    ResourceType(
        roles.ASSIGNMENTS,
        _ROLE_VERSIONS,
        _GUID,
        put=put_assignment,
        delete=delete_assignment,
        list=list_assignments,
    ),
    ResourceType(
        "Microsoft.Authorization/permissions",
        _ROLE_VERSIONS | {"2018-07-01"},
        _GUID,
        list=list_permissions,
    ),
    ResourceType(
        "Microsoft.Authorization/roleDefinitions",
        _ROLE_VERSIONS | {"2022-05-01-preview", "2023-07-01-preview", "2024-07-01-preview"},
        _GUID,
        find=find_definition,
        list=list_definitions,
    ),
)

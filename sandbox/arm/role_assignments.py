"""Microsoft.Authorization: role assignments, role definitions and permissions."""

import re

from sandbox.arm import authorization, bodies, roles
from sandbox.arm.resource_id import ResourceId
from sandbox.arm.resource_type import Answer, Request, ResourceType, api_versions
from sandbox.cloud.database import Json
from sandbox.http.azure_errors import AzureError
from sandbox.registry import conditions


async def put_assignment(request: Request) -> Answer:
    """Assign a role to a principal. Neither can change later."""
    role, principal = _assigned(request.properties)
    if role not in roles.known_definitions(request.resources):
        raise AzureError("RoleDefinitionDoesNotExist", role=role)
    existing = request.existing
    if existing and _assigned(existing["properties"]) != (role, principal):
        raise AzureError("RoleAssignmentUpdateNotPermitted")
    _refuse_duplicate(request, role, principal)
    _check_condition(request, roles.known_definitions(request.resources)[role])
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
    """List the caller's permissions on a resource.

    https://learn.microsoft.com/rest/api/authorization/permissions/list-for-resource
    """
    return [_permission(role) for role in authorization.granted_to(request).at(request.id.scope)]


async def put_definition(request: Request) -> Answer:
    """Create or update a custom role. No two roles have one name.

    https://learn.microsoft.com/azure/role-based-access-control/custom-roles-rest
    """
    guid, sent = request.id.name.lower(), request.properties
    if guid in roles.definitions():
        raise AzureError("RoleDefinitionUpdateNotPermitted", role=guid)
    for field in ("roleName", "permissions", "assignableScopes"):
        bodies.require(request, f"properties.{field}")
    known = roles.known_definitions(request.resources)
    if any(role.name == sent["roleName"] and other != guid for other, role in known.items()):
        raise AzureError("RoleDefinitionWithSameNameExists", role=sent["roleName"])
    id = _definition_id(request, guid)
    properties = {"description": "", **sent, "type": "CustomRole"}
    body = {"id": str(id), "type": roles.DEFINITIONS, "name": guid, "properties": properties}
    request.resources.put(id, roles.DEFINITIONS, body)
    await request.cloud.azurite.renew()
    return Answer(201, _definition(request, guid))


async def delete_definition(request: Request) -> Answer:
    """Delete a custom role that is not assigned."""
    guid = request.id.name.lower()
    if guid in roles.definitions():
        raise AzureError("RoleDefinitionUpdateNotPermitted", role=guid)
    if any(role == guid for _, role, _ in roles.assignments(request.resources, request.faults)):
        raise AzureError("RoleDefinitionHasAssignments")
    deleted = _definition(request, guid)
    request.resources.remove(_definition_id(request, guid))
    return Answer(200, deleted)


async def find_definition(request: Request) -> Json | None:
    """A role; None for a custom role that is created now."""
    guid = request.id.name.lower()
    if guid in roles.known_definitions(request.resources):
        return _definition(request, guid)
    if request.method == "PUT":
        return None
    raise AzureError("RoleDefinitionDoesNotExist", role=request.id.name)


async def list_definitions(request: Request) -> list[Json]:
    """List the roles; `$filter` can select one by name."""
    named = re.search(r"roleName eq '([^']+)'", request.query.get("$filter", ""))
    return [
        _definition(request, guid)
        for guid, role in roles.known_definitions(request.resources).items()
        if not named or role.name == named.group(1)
    ]


_KEPT = ("principalType", "description", "condition", "conditionVersion")
_REPOSITORIES = "Microsoft.ContainerRegistry/registries/repositories/"


def _check_condition(request: Request, role: roles.Definition) -> None:
    """Refuse a condition that the sandbox cannot evaluate: it has those for repositories of registries.

    https://learn.microsoft.com/azure/role-based-access-control/conditions-format
    """
    condition = request.properties.get("condition") or ""
    if not condition:
        return
    if not any(action.startswith(_REPOSITORIES) for action in role.data_actions):
        reason = f"the sandbox knows conditions for repositories only, and {role.name} gives no right on one"
        raise AzureError("BadRequest", reason=f"The role assignment's condition is not supported: {reason}.")
    if request.properties.get("conditionVersion") not in (None, "2.0"):
        raise AzureError("BadRequest", reason="The only version of conditions is 2.0.")
    try:
        conditions.parse(condition)
    except ValueError as error:
        reason = f"The role assignment's condition is not valid: {error}."
        raise AzureError("BadRequest", reason=reason) from error


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
    now, by = request.faults.now().isoformat(), request.principal
    old = (request.existing or {}).get("properties") or {}
    created = {"createdOn": old.get("createdOn", now), "createdBy": old.get("createdBy", by)}
    return {**created, "updatedOn": now, "updatedBy": by}


def _definition_id(request: Request, guid: str) -> ResourceId:
    """The ID of a role definition: the same at every scope of the subscription."""
    place = ("Microsoft.Authorization", ("roleDefinitions", guid))
    subscription = request.cloud.definition.subscription
    return ResourceId(subscription, "", *place, scope=f"/subscriptions/{subscription}")


def _definition(request: Request, guid: str) -> Json:
    role, id = roles.known_definitions(request.resources)[guid], _definition_id(request, guid)
    stored = request.resources.get(id) or {"properties": {"type": "BuiltInRole", "assignableScopes": ["/"]}}
    return {
        "id": str(id),
        "type": roles.DEFINITIONS,
        "name": guid,
        "properties": {
            "roleName": role.name,
            "type": stored["properties"]["type"],
            "description": role.description,
            "assignableScopes": stored["properties"]["assignableScopes"],
            "permissions": [_permission(role)],
        },
    }


def _permission(role: roles.Definition) -> Json:
    return {
        "actions": [*role.actions],
        "notActions": [*role.not_actions],
        "dataActions": [*role.data_actions],
        "notDataActions": [*role.not_data_actions],
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
        roles.DEFINITIONS,
        _ROLE_VERSIONS | {"2022-05-01-preview", "2023-07-01-preview", "2024-07-01-preview"},
        _GUID,
        put=put_definition,
        delete=delete_definition,
        find=find_definition,
        list=list_definitions,
    ),
)

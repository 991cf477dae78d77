"""Azure's built-in roles, custom roles, and the principals to which they are assigned.

https://learn.microsoft.com/azure/role-based-access-control/role-definitions
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from sandbox.arm.resource_id import ResourceId
from sandbox.cloud.cloud import Cloud
from sandbox.cloud.database import Json
from sandbox.cloud.resources import Resources
from sandbox.entra import applications
from sandbox.faults.state import Faults

ASSIGNMENTS = "Microsoft.Authorization/roleAssignments"
DEFINITIONS = "Microsoft.Authorization/roleDefinitions"
IDENTITIES = "Microsoft.ManagedIdentity/userAssignedIdentities"
PIPELINES = tuple(
    f"Microsoft.ContainerRegistry/registries/{kind}" for kind in ("exportPipelines", "importPipelines")
)

OWNER = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
CONTRIBUTOR = "b24988ac-6180-42a0-ab88-20f7382dd24c"
READER = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
BLOB_CONTRIBUTOR = "ba92f5b4-2d11-453d-a403-e96b0029c9fe"
BLOB_READER = "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1"
SECRETS_OFFICER = "b86a8fe4-44ce-4948-aee5-eccb2c155cd7"
SECRETS_USER = "4633458b-17de-408a-b874-0445c86b69e6"
ACR_PULL = "7f951dda-4ed3-4680-a7ca-43fe172d538d"
REPOSITORY_READER = "b93aa761-3e63-49ed-ac28-beffa264f7ac"
REPOSITORY_WRITER = "2a1e307c-b015-4ebd-883e-5b7698a07328"
CATALOG_LISTER = "bfdb9389-c9a5-478a-bb2f-ba9ca092c3c7"


@dataclass(frozen=True)
class Definition:
    """A role: patterns of the actions that it permits, in which `*` matches anything."""

    name: str
    description: str
    actions: Sequence[str]
    """Management actions, such as `Microsoft.Storage/storageAccounts/read`."""

    not_actions: Sequence[str]
    """Exceptions from `actions`. Another role can permit them."""

    data_actions: Sequence[str]
    """Actions on the data of a resource: secrets, blobs."""

    not_data_actions: Sequence[str] = ()
    """Exceptions from `data_actions`. Another role can permit them."""

    def permits(self, action: str, *, data: bool = False) -> bool:
        """Whether this role permits an action."""
        if data:
            return _matches(self.data_actions, action) and not _matches(self.not_data_actions, action)
        return _matches(self.actions, action) and not _matches(self.not_actions, action)


@cache
def definitions() -> dict[str, Definition]:
    """The known roles by the GUID of their definition, as published:

    https://learn.microsoft.com/azure/role-based-access-control/built-in-roles
    """
    read: Json = json.loads(Path(__file__).with_name("roles.json").read_text())
    return {
        guid: Definition(
            role["name"], role["description"], role["actions"], role["notActions"], role["dataActions"]
        )
        for guid, role in read.items()
    }


def known_definitions(resources: Resources) -> dict[str, Definition]:
    """The built-in and custom roles by the GUID of their definition."""
    custom = {body["name"].lower(): _custom(body) for body in resources.of_type(DEFINITIONS)}
    return {**definitions(), **custom}


def _custom(body: Json) -> Definition:
    """A stored custom role. Azure allows several permissions in one role; here they are merged."""
    properties = body["properties"]
    permissions: list[Json] = properties.get("permissions") or []

    def all_of(kind: str) -> list[str]:
        return [action for permission in permissions for action in permission.get(kind) or ()]

    kinds = ("actions", "notActions", "dataActions", "notDataActions")
    return Definition(properties["roleName"], properties.get("description") or "", *map(all_of, kinds))


class Grants:
    """The roles of one principal, read once for many checks."""

    def __init__(self, resources: Resources, faults: Faults, principal: str) -> None:
        known = known_definitions(resources)
        self._held = [
            (known[role], f"{scope.rstrip('/')}/")
            for holder, role, scope in assignments(resources, faults)
            if holder == principal
        ]

    def permit(self, action: str, scope: str, *, data: bool = False) -> bool:
        """Whether a role assigned at `scope` or above permits an action."""
        return any(role.permits(action, data=data) for role in self.at(scope))

    def at(self, scope: str) -> list[Definition]:
        """The roles assigned at `scope` or above."""
        wanted = f"{scope.lower().rstrip('/')}/"
        return [role for role, assigned in self._held if wanted.startswith(assigned)]


def assignments(resources: Resources, faults: Faults) -> Iterator[tuple[str, str, str]]:
    """All role assignments in effect: principal, GUID of the role, scope in lower case."""
    known = known_definitions(resources)
    for body in resources.of_type(ASSIGNMENTS):
        properties = body["properties"]
        role = str(properties["roleDefinitionId"]).rpartition("/")[2].lower()
        if role in known and not _delay(body, faults):
            yield str(properties["principalId"]), role, str(properties["scope"]).lower()


def conditional(
    resources: Resources, faults: Faults, principal: str, scope: str
) -> Iterator[tuple[Definition, str]]:
    """The roles of a principal at a resource or above, each with its condition; most have none."""
    wanted = f"{scope.lower()}/"
    known = known_definitions(resources)
    for body in resources.of_type(ASSIGNMENTS):
        properties = body["properties"]
        role = known.get(str(properties["roleDefinitionId"]).rpartition("/")[2].lower())
        here = wanted.startswith(f"{str(properties['scope']).lower().rstrip('/')}/")
        if role and here and properties["principalId"] == principal and not _delay(body, faults):
            yield role, str(properties.get("condition") or "")


def next_effective(resources: Resources, faults: Faults) -> float:
    """Seconds until the next pending role assignment takes effect; 0 if none is pending."""
    delays = (_delay(body, faults) for body in resources.of_type(ASSIGNMENTS))
    return min((delay for delay in delays if delay), default=0.0)


def _delay(body: Json, faults: Faults) -> float:
    """Seconds until a role assignment takes effect.

    Azure needs some minutes. Here it is the delay that was configured when the assignment was created; a
    configured delay of 0 ends all waiting.
    https://learn.microsoft.com/azure/role-based-access-control/troubleshooting#symptom---role-assignment-changes-are-not-being-detected
    """
    since: float = body.get("sandbox", {}).get("since", 0.0)
    return max(since - faults.time(), 0.0) if faults.grants else 0.0


def principals(cloud: Cloud) -> set[str]:
    """All principals of this cloud's directory: the operator, applications and managed identities."""
    found = {cloud.definition.operator, *applications.principals(cloud)}
    found |= {body["properties"]["principalId"] for body in cloud.resources.of_type(IDENTITIES)}
    for type in PIPELINES:
        found |= {principal_of(body) for body in cloud.resources.of_type(type)}
    return found


def principal_of(resource: Json) -> str:
    """The principal of a resource: its system-assigned identity or its first user-assigned identity."""
    identity = resource["identity"]
    assigned: list[Json] = [identity, *(identity.get("userAssignedIdentities") or {}).values()]
    return next((str(each["principalId"]) for each in assigned if each.get("principalId")), "")


def seed(cloud: Cloud) -> None:
    """Assign the operator its roles: Owner, and the access to blobs that Owner does not include."""
    scope = f"/subscriptions/{cloud.definition.subscription}"
    for number, role in enumerate((BLOB_CONTRIBUTOR, OWNER), start=1):
        id = ResourceId.parse(f"{scope}/providers/{ASSIGNMENTS}/0b5e0000-0000-4000-8000-0000000000b{number}")
        assert id
        if cloud.resources.get(id) is None:
            cloud.resources.put(id, ASSIGNMENTS, assignment(cloud, id, cloud.definition.operator, role))


def assignment(cloud: Cloud, id: ResourceId, principal: str, role: str) -> Json:
    """The body of a role assignment."""
    scope = f"/subscriptions/{cloud.definition.subscription}"
    definition = f"{scope}/providers/Microsoft.Authorization/roleDefinitions/{role}"
    given = {"roleDefinitionId": definition, "principalId": principal, "principalType": "ServicePrincipal"}
    shown = {**given, "scope": id.scope or "/"}
    return {"id": str(id), "name": id.name, "type": ASSIGNMENTS, "properties": shown}


def _matches(patterns: Sequence[str], action: str) -> bool:
    return any(_pattern(each).fullmatch(action) for each in patterns)


@cache
def _pattern(written: str) -> re.Pattern[str]:
    """Compile a pattern by Azure's rules: `/*/` also matches a single slash."""
    spelled = re.escape(written).replace(r"/\*/", "/(?:.*/)?").replace(r"\*", ".*")
    return re.compile(spelled, re.IGNORECASE)

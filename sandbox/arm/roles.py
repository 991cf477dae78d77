"""Azure's roles: what each one permits, who has which, and where.

https://learn.microsoft.com/azure/role-based-access-control/role-definitions
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from sandbox.arm.resource_id import ResourceId
from sandbox.cloud.cloud import Cloud
from sandbox.cloud.store import Json

ASSIGNMENTS = "Microsoft.Authorization/roleAssignments"
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
ACR_PUSH = "8311e382-0749-4cb8-b61a-304f252e45ec"
ACR_DELETE = "c2f4ef07-c644-48eb-af81-4b1b4947fb11"


@dataclass(frozen=True)
class Definition:
    """One of Azure's built-in roles: patterns of what it permits, with `*` for anything."""

    name: str
    description: str
    actions: Sequence[str]
    """Requests on the management endpoint, such as `Microsoft.Storage/storageAccounts/read`."""

    not_actions: Sequence[str]
    """What of those it does not permit after all. Another role may."""

    data_actions: Sequence[str]
    """Requests on what is inside a resource: secrets, blobs."""

    def permits(self, action: str, *, data: bool = False) -> bool:
        """Whether this role alone lets its holder do it."""
        if data:
            return _matches(self.data_actions, action)
        return _matches(self.actions, action) and not _matches(self.not_actions, action)


@cache
def definitions() -> dict[str, Definition]:
    """The roles that this sandbox knows, by the GUID of their definition.

    As published: https://learn.microsoft.com/azure/role-based-access-control/built-in-roles
    """
    read: Json = json.loads(Path(__file__).with_name("roles.json").read_text())
    return {
        guid: Definition(
            role["name"], role["description"], role["actions"], role["notActions"], role["dataActions"]
        )
        for guid, role in read.items()
    }


def permitted(cloud: Cloud, principal: str, action: str, scope: str, *, data: bool = False) -> bool:
    """Whether a role that a principal has at `scope` or above permits an action there."""
    return Grants(cloud, principal).permit(action, scope, data=data)


class Grants:
    """All roles of one principal, read once for many questions."""

    def __init__(self, cloud: Cloud, principal: str) -> None:
        self._held = [
            (definitions()[role], f"{where.rstrip('/')}/")
            for who, role, where in assignments(cloud)
            if who == principal
        ]

    def permit(self, action: str, scope: str, *, data: bool = False) -> bool:
        """Whether one that is given at `scope` or above permits an action there."""
        return any(role.permits(action, data=data) for role in self.at(scope))

    def at(self, scope: str) -> list[Definition]:
        """Those that are given at `scope` or above."""
        wanted = f"{scope.lower().rstrip('/')}/"
        return [role for role, where in self._held if wanted.startswith(where)]


def assignments(cloud: Cloud) -> Iterator[tuple[str, str, str]]:
    """Every role assignment that is in force: who, which role's GUID, and the scope in lower case."""
    for body in cloud.store.of_type(ASSIGNMENTS):
        given = body["properties"]
        role = str(given["roleDefinitionId"]).rpartition("/")[2].lower()
        if role in definitions() and not _wait(cloud, body):
            yield str(given["principalId"]), role, str(given["scope"]).lower()


def next_grant(cloud: Cloud) -> float:
    """Seconds until the next assignment comes into force; 0 where none is waiting."""
    waits = (_wait(cloud, body) for body in cloud.store.of_type(ASSIGNMENTS))
    return min((wait for wait in waits if wait), default=0.0)


def _wait(cloud: Cloud, body: Json) -> float:
    """Seconds until an assignment is in force.

    Azure takes some minutes to make a new one known everywhere; here as long as was asked for when it was
    made, and no more once nobody asks for it.
    https://learn.microsoft.com/azure/role-based-access-control/troubleshooting#symptom---role-assignment-changes-are-not-being-detected
    """
    since: float = body.get("sandbox", {}).get("since", 0.0)
    return max(since - cloud.faults.time(), 0.0) if cloud.faults.grants else 0.0


def principals(cloud: Cloud) -> set[str]:
    """Everyone that this cloud's directory knows: who calls from this machine, and all identities."""
    found = {cloud.definition.operator}
    found |= {body["properties"]["principalId"] for body in cloud.store.of_type(IDENTITIES)}
    for type in PIPELINES:
        found |= {principal_of(body) for body in cloud.store.of_type(type)}
    return found


def principal_of(resource: Json) -> str:
    """Whom a resource acts as: its own identity, or the first of those that were assigned to it."""
    identity = resource["identity"]
    assigned: list[Json] = [identity, *(identity.get("userAssignedIdentities") or {}).values()]
    return next((str(each["principalId"]) for each in assigned if each.get("principalId")), "")


def seed(cloud: Cloud) -> None:
    """Who calls from this machine owns the subscription, and may work with blobs, which no Owner may."""
    scope = f"/subscriptions/{cloud.definition.subscription}"
    for number, role in enumerate((BLOB_CONTRIBUTOR, OWNER), start=1):
        id = ResourceId.parse(f"{scope}/providers/{ASSIGNMENTS}/0b5e0000-0000-4000-8000-0000000000b{number}")
        assert id
        if cloud.store.get(id) is None:
            cloud.store.put(id, ASSIGNMENTS, assignment(cloud, id, cloud.definition.operator, role))


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
    """A pattern as Azure reads it; `/*/` stands for nothing between two names as well."""
    spelled = re.escape(written).replace(r"/\*/", "/(?:.*/)?").replace(r"\*", ".*")
    return re.compile(spelled, re.IGNORECASE)

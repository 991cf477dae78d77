"""Roles of Azure RBAC: what they are called, who has which, and where.

https://learn.microsoft.com/azure/role-based-access-control/built-in-roles
"""

from __future__ import annotations

from collections.abc import Iterator

from sandbox.cloud import Cloud
from sandbox.ids import ResourceId
from sandbox.store import Json

ASSIGNMENTS = "Microsoft.Authorization/roleAssignments"
IDENTITIES = "Microsoft.ManagedIdentity/userAssignedIdentities"
PIPELINES = tuple(
    f"Microsoft.ContainerRegistry/registries/{kind}" for kind in ("exportPipelines", "importPipelines")
)

BLOB_CONTRIBUTOR = "ba92f5b4-2d11-453d-a403-e96b0029c9fe"
BLOB_OWNER = "b7e6dc6d-f1e8-4753-8033-0f276bb0955b"
BLOB_READER = "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1"
SECRETS_OFFICER = "b86a8fe4-44ce-4948-aee5-eccb2c155cd7"
SECRETS_USER = "4633458b-17de-408a-b874-0445c86b69e6"
VAULT_ADMINISTRATOR = "00482a5a-887f-4fb3-b363-3b7fe8e74483"
ACR_PULL = "7f951dda-4ed3-4680-a7ca-43fe172d538d"
ACR_PUSH = "8311e382-0749-4cb8-b61a-304f252e45ec"

NAMES = {
    "8e3af657-a8ff-443c-a75c-2fe8c4bcb635": "Owner",
    "b24988ac-6180-42a0-ab88-20f7382dd24c": "Contributor",
    "acdd72a7-3385-48ef-bd42-f606fba81ae7": "Reader",
    BLOB_CONTRIBUTOR: "Storage Blob Data Contributor",
    BLOB_OWNER: "Storage Blob Data Owner",
    BLOB_READER: "Storage Blob Data Reader",
    SECRETS_OFFICER: "Key Vault Secrets Officer",
    SECRETS_USER: "Key Vault Secrets User",
    VAULT_ADMINISTRATOR: "Key Vault Administrator",
    ACR_PULL: "AcrPull",
    ACR_PUSH: "AcrPush",
    "bf94e731-3a51-4a7c-8c54-a1ab9971dfc1": "Container Registry Transfer Pipeline Contributor",
}
"""The roles that this sandbox knows, by the GUID of their definition."""


def assignments(cloud: Cloud) -> Iterator[tuple[str, str, str]]:
    """Every role assignment: who, which role's GUID, and the scope in lower case."""
    for body in cloud.store.of_type(ASSIGNMENTS):
        given = body["properties"]
        role = str(given["roleDefinitionId"]).rpartition("/")[2].lower()
        yield str(given["principalId"]), role, str(given["scope"]).lower()


def granted(cloud: Cloud, principal: str, scope: str) -> set[str]:
    """The roles of a principal that hold at `scope`: those given there or above."""
    wanted = f"{scope.lower().rstrip('/')}/"
    return {
        role
        for who, role, where in assignments(cloud)
        if who == principal and wanted.startswith(f"{where.rstrip('/')}/")
    }


def principals(cloud: Cloud) -> set[str]:
    """Everyone that this cloud's directory knows: who calls from this machine, and all identities."""
    found = {cloud.facts.operator}
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
    """Let who calls from this machine work with blobs: an Owner alone cannot, on Azure and here."""
    scope = f"/subscriptions/{cloud.facts.subscription}"
    id = ResourceId.parse(f"{scope}/providers/{ASSIGNMENTS}/0b5e0000-0000-4000-8000-0000000000b1")
    assert id
    if cloud.store.get(id) is None:
        cloud.store.put(id, ASSIGNMENTS, assignment(cloud, id, cloud.facts.operator, BLOB_CONTRIBUTOR))


def assignment(cloud: Cloud, id: ResourceId, principal: str, role: str) -> Json:
    """The body of a role assignment."""
    definition = (
        f"/subscriptions/{cloud.facts.subscription}/providers/Microsoft.Authorization/roleDefinitions/{role}"
    )
    given = {"roleDefinitionId": definition, "principalId": principal, "principalType": "ServicePrincipal"}
    shown = {**given, "scope": id.scope or "/"}
    return {"id": str(id), "name": id.name, "type": ASSIGNMENTS, "properties": shown}

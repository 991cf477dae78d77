"""Microsoft.ManagedIdentity: user-assigned identities."""

from sandbox.arm import bodies, roles
from sandbox.arm.resource_type import Answer, Request, ResourceType, api_versions, delete_stored
from sandbox.cloud.cloud import new_id


async def put_identity(request: Request) -> Answer:
    """Create or update an identity; its principal never changes."""
    old = (request.existing or {}).get("properties") or {}
    ids = {"principalId": old.get("principalId") or new_id(), "clientId": old.get("clientId") or new_id()}
    body = {
        **bodies.tracked(request),
        # Azure spells this path in lower case for identities only.
        "id": str(request.id).replace("/resourceGroups/", "/resourcegroups/"),
        "properties": {"isolationScope": "None", "tenantId": request.cloud.definition.tenant, **ids},
    }
    status = bodies.store(request, body)
    return Answer(status, body, {"Location": str(request.id)} if status == 201 else {})


TYPES = (
    ResourceType(
        roles.IDENTITIES,
        api_versions("identities"),
        "[a-zA-Z0-9][a-zA-Z0-9_-]{2,127}",
        put=put_identity,
        delete=delete_stored,
        patch=True,
        needs_location=True,
    ),
)

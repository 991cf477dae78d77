"""Microsoft.ManagedIdentity: user-assigned identities."""

from __future__ import annotations

from sandbox.arm import roles
from sandbox.arm.resource_type import (
    Answer,
    Request,
    ResourceType,
    api_versions,
    delete_stored,
    stored_status,
    typed_name,
)
from sandbox.cloud.cloud import new_id
from sandbox.http.schemas import resource


async def put_identity(request: Request) -> Answer:
    """Create or update an identity; its principal never changes."""
    old = (request.existing or {}).get("properties") or {}
    ids = {"principalId": old.get("principalId") or new_id(), "clientId": old.get("clientId") or new_id()}
    body = {
        "location": request.body["location"],
        "tags": request.body.get("tags") or {},
        # Azure spells this path in lower case for identities only.
        "id": str(request.id).replace("/resourceGroups/", "/resourcegroups/"),
        "name": request.id.name,
        "type": typed_name(request.id),
        "properties": {"isolationScope": "None", "tenantId": request.cloud.definition.tenant, **ids},
    }
    status = stored_status(request, body)
    return Answer(status, body, {"Location": str(request.id)} if status == 201 else {})


_IDENTITY_VERSIONS = api_versions("identities")
TYPES = (
    ResourceType(
        roles.IDENTITIES,
        _IDENTITY_VERSIONS,
        "[a-zA-Z0-9][a-zA-Z0-9_-]{2,127}",
        resource(),
        put=put_identity,
        delete=delete_stored,
        patch=True,
        needs_location=True,
    ),
)

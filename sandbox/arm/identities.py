"""Microsoft.ManagedIdentity: user-assigned identities, and whose tokens they trust."""

from __future__ import annotations

from sandbox.arm import roles
from sandbox.arm.resource_type import Answer, Request, ResourceType, created, typed_name
from sandbox.cloud.cloud import new_id
from sandbox.entra import workload_identity
from sandbox.http.schemas import TEXT, listed, record, resource


async def put_identity(request: Request) -> Answer:
    """A user-assigned identity; its principal stays the same over updates."""
    old = (request.existing or {}).get("properties") or {}
    ids = {"principalId": old.get("principalId") or new_id(), "clientId": old.get("clientId") or new_id()}
    body = {
        "location": request.body["location"],
        "tags": request.body.get("tags") or {},
        # So Azure spells it, in the path of the identity alone.
        "id": str(request.id).replace("/resourceGroups/", "/resourcegroups/"),
        "name": request.id.name,
        "type": typed_name(request.id),
        "properties": {"isolationScope": "None", "tenantId": request.cloud.definition.tenant, **ids},
    }
    status = created(request, body)
    return Answer(status, body, {"Location": str(request.id)} if status == 201 else {})


async def delete_identity(request: Request) -> Answer:
    """An identity goes at once; what it was granted stays behind and is of no use."""
    request.cloud.store.remove(request.id)
    return Answer(200)


async def put_federated(request: Request) -> Answer:
    """Whose tokens an identity trusts."""
    body = {
        "id": str(request.id),
        "name": request.id.name,
        "type": typed_name(request.id),
        "properties": request.properties,
    }
    return Answer(created(request, body), body)


async def delete_federated(request: Request) -> Answer:
    """Trust them no more."""
    request.cloud.store.remove(request.id)
    return Answer(200)


_FEDERATED = record("issuer", "subject", "audiences", issuer=TEXT, subject=TEXT, audiences=listed(TEXT))
_IDENTITY_VERSIONS = frozenset(
    {
        *("2018-11-30", "2021-09-30-preview", "2022-01-31-preview", "2023-01-31", "2023-07-31-preview"),
        *("2024-11-30", "2025-01-31-preview", "2025-05-31-preview"),
    }
)
TYPES = (
    ResourceType(
        roles.IDENTITIES,
        _IDENTITY_VERSIONS,
        "[a-zA-Z0-9][a-zA-Z0-9_-]{2,127}",
        resource(),
        put=put_identity,
        delete=delete_identity,
        patch=True,
        needs_location=True,
    ),
    ResourceType(
        workload_identity.CREDENTIALS,
        _IDENTITY_VERSIONS - {"2018-11-30"},
        "[a-zA-Z0-9][a-zA-Z0-9_-]{2,119}",
        record("properties", properties=_FEDERATED),
        put=put_federated,
        delete=delete_federated,
    ),
)

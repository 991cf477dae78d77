"""Microsoft.Insights: diagnostic settings, which are kept and shown; no log is written."""

from __future__ import annotations

from sandbox.arm.resource_type import Answer, Request, ResourceType, created, typed_name
from sandbox.http.schemas import TEXT, TRUTH, listed, record


async def put(request: Request) -> Answer:
    """What a resource shall log, and where to."""
    body = {
        "id": str(request.id),
        "name": request.id.name,
        "type": typed_name(request.id),
        "properties": request.properties,
    }
    created(request, body)
    return Answer(200, body)


async def delete(request: Request) -> Answer:
    """Log no more."""
    request.cloud.store.remove(request.id)
    return Answer(200)


_ENTRY = record(category=TEXT, categoryGroup=TEXT, enabled=TRUTH)
_PROPERTIES = record(
    workspaceId=TEXT, storageAccountId=TEXT, eventHubName=TEXT, logs=listed(_ENTRY), metrics=listed(_ENTRY)
)
TYPES = (
    ResourceType(
        "Microsoft.Insights/diagnosticSettings",
        frozenset({"2017-05-01-preview", "2021-05-01-preview"}),
        "[^/]{1,260}",
        record("properties", properties=_PROPERTIES),
        put=put,
        delete=delete,
    ),
)

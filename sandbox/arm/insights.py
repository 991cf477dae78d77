"""Microsoft.Insights: diagnostic settings. They are stored and returned; no log is written."""

from __future__ import annotations

from sandbox.arm.resource_type import (
    Answer,
    Request,
    ResourceType,
    api_versions,
    delete_stored,
    envelope,
    stored_status,
)
from sandbox.http.schemas import BOOLEAN, TEXT, listed, record


async def put(request: Request) -> Answer:
    """Create or update a diagnostic setting."""
    body = {**envelope(request), "properties": request.properties}
    stored_status(request, body)
    return Answer(200, body)


_ENTRY = record(category=TEXT, categoryGroup=TEXT, enabled=BOOLEAN)
_PROPERTIES = record(
    workspaceId=TEXT, storageAccountId=TEXT, eventHubName=TEXT, logs=listed(_ENTRY), metrics=listed(_ENTRY)
)
TYPES = (
    ResourceType(
        "Microsoft.Insights/diagnosticSettings",
        api_versions("diagnostic_settings"),
        "[^/]{1,260}",
        record("properties", properties=_PROPERTIES),
        put=put,
        delete=delete_stored,
    ),
)

"""Microsoft.Insights: diagnostic settings, which are kept and shown; no log is written."""

from __future__ import annotations

from sandbox.arm.wire import Answer, Request, ResourceType, created, typed_name


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


TYPES = (
    ResourceType(
        "Microsoft.Insights/diagnosticSettings",
        frozenset({"2017-05-01-preview", "2021-05-01-preview"}),
        "[^/]{1,260}",
        put=put,
    ),
)

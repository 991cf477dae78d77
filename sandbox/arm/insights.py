"""Microsoft.Insights: diagnostic settings. They are stored and returned; no log is written."""

from sandbox.arm import bodies
from sandbox.arm.resource_type import Answer, Request, ResourceType, api_versions, delete_stored


async def put(request: Request) -> Answer:
    """Create or update a diagnostic setting."""
    return bodies.store_properties(request, request.properties)


TYPES = (
    ResourceType(
        "Microsoft.Insights/diagnosticSettings",
        api_versions("diagnostic_settings"),
        "[^/]{1,260}",
        put=put,
        delete=delete_stored,
    ),
)

"""Pages of lists: `$top` limits a page, `nextLink` is the URL of the next one.

https://learn.microsoft.com/rest/api/azure/#async-operations-throttling-and-paging
"""

import base64
from collections.abc import Sequence
from urllib.parse import quote, urlencode

from sandbox.arm.resource_type import Request
from sandbox.cloud.database import Json
from sandbox.http.azure_errors import AzureError

_TOKEN = "$skiptoken"


def page(request: Request, entries: Sequence[Json]) -> Json:
    """One page of a list, at most as long as the cloud's page size."""
    begin, size = _begin(request), int(request.faults.choice("page-size"))
    end = begin + min(_top(request) or size, size)
    found: Json = {"value": list(entries[begin:end])}
    if end < len(entries):
        token = base64.urlsafe_b64encode(str(end).encode()).decode()
        query = urlencode({**request.query, _TOKEN: token}, safe="$'")
        found["nextLink"] = f"{request.cloud.arm}{quote(request.path)}?{query}"
    return found


def _top(request: Request) -> int:
    given = request.query.get("$top", "")
    if given and not (given.isascii() and given.isdigit() and int(given[:9]) > 0):
        raise AzureError("BadRequest", reason=f"Invalid value '{given}' for $top.")
    return int(given[:9] or 0)


def _begin(request: Request) -> int:
    token = request.query.get(_TOKEN, "")
    try:
        return max(int(base64.b64decode(token, altchars=b"-_", validate=True) or b"0"), 0)
    except ValueError as error:
        raise AzureError("BadRequest", reason="The skip token is invalid.") from error

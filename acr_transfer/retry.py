"""The retry rule for HTTP requests to Azure and to registries: which failures, and how long to wait."""

import email.utils
import random
import time

TRIES = 7
"""Attempts for one request; together they take about a minute."""

THROTTLED = frozenset({429, 503})
"""Statuses by which a service asks for fewer requests.

https://learn.microsoft.com/azure/storage/blobs/scalability-targets
"""

TRANSIENT = THROTTLED | {408, 500, 502, 504}
"""Statuses that a later attempt may not get.

https://learn.microsoft.com/rest/api/storageservices/common-rest-api-error-codes
"""

_LONGEST_BACKOFF = 30.0
_LONGEST_RETRY_AFTER = 60.0


def wait_before_retry(attempt: int, retry_after: str = "") -> float:
    """Seconds to wait after failed attempt `attempt` (1 for the first).

    The response's `Retry-After` header decides, up to 60 seconds. Without one, or if it is 0, the wait
    doubles from 1 to 30 seconds. It is random by half, so that clients do not return at the same moment.
    """
    requested = parse_retry_after(retry_after)
    if requested:
        return min(requested, _LONGEST_RETRY_AFTER)
    return random.uniform(0.5, 1.0) * min(2.0 ** (attempt - 1), _LONGEST_BACKOFF)


def parse_retry_after(value: str) -> float | None:
    """Seconds in a `Retry-After` header, which holds a number or a date; None for any other text.

    https://www.rfc-editor.org/rfc/rfc9110#name-retry-after
    """
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - time.time())
    except (ValueError, OverflowError):
        return None

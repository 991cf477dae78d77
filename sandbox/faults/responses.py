"""The error response of a fault, in the format of its endpoint."""

from dataclasses import dataclass

from sandbox.faults.fault import InjectedFault, Json

_CODES: dict[str, dict[int, str]] = {
    "arm": {429: "SubscriptionRequestsThrottled", 503: "ServiceUnavailable"},
    "vault": {429: "Throttled", 503: "ServiceUnavailable"},
    "storage": {500: "InternalError", 503: "ServerBusy", 403: "AuthorizationFailure"},
    "registry": {429: "TOOMANYREQUESTS", 503: "UNAVAILABLE"},
    "token": {429: "TooManyRequests"},
}
_MESSAGES = {
    "SubscriptionRequestsThrottled": "Number of requests for the subscription exceeded the limit. Please try "
    "again after '{seconds}' seconds.",
    "Throttled": "Request was not processed because too many requests were received. Reason: "
    "VaultRequestTypeLimitReached",
    "InternalError": "Server encountered an internal error. Please try again after some time.",
    "ServerBusy": "The server is busy.",
    "AuthorizationFailure": "This request is not authorized to perform this operation.",
    "TOOMANYREQUESTS": "too many requests",
    "UNAVAILABLE": "service unavailable",
    "TooManyRequests": "Too many requests.",
    "ServiceUnavailable": "The service is unavailable. Please try again later.",
}
"""Azure's messages where they are known; https://learn.microsoft.com/rest/api/storageservices/common-rest-api-error-codes
and https://learn.microsoft.com/azure/key-vault/general/overview-throttling."""

_VAULT_CLOSED = "Client address is not authorized and caller is not a trusted service."
"""https://learn.microsoft.com/azure/key-vault/general/common-error-codes"""


@dataclass(frozen=True)
class FaultResponse:
    """An error response."""

    status: int
    code: str
    message: str
    headers: dict[str, str]
    body: Json


def response_of(fault: InjectedFault) -> FaultResponse | None:
    """The response of a fault, or None if the fault lets the request be served."""
    status = 403 if fault.firewall else fault.status
    if not status:
        return None
    code = fault.code or _CODES[fault.endpoint].get(status, "InternalServerError")
    message = _MESSAGES.get(code, "The service could not process the request.")
    if fault.firewall and fault.endpoint == "vault":
        code, message = "Forbidden", _VAULT_CLOSED
    message = message.format(seconds=fault.retry_after or 1)
    headers = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
    body: Json = {"error": {"code": code, "message": message}}
    if fault.endpoint == "registry":
        body = {"errors": [body["error"]]}
    elif fault.endpoint == "token":
        body = {"statusCode": status, "message": message}
    return FaultResponse(status, code, message, headers, body)

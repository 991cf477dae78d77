"""How each door words an answer that a fault makes it give."""

from __future__ import annotations

from sandbox.faults.fault import Fault, Json

_CODES: dict[str, dict[int, str]] = {
    "arm": {429: "SubscriptionRequestsThrottled", 503: "ServiceUnavailable"},
    "vault": {429: "Throttled", 503: "ServiceUnavailable"},
    "storage": {500: "InternalError", 503: "ServerBusy", 403: "AuthorizationFailure"},
    "registry": {429: "TOOMANYREQUESTS", 503: "UNAVAILABLE"},
    "token": {429: "TooManyRequests"},
}
_WORDS = {
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
"""Azure's words where a source has them; https://learn.microsoft.com/rest/api/storageservices/common-rest-api-error-codes
and https://learn.microsoft.com/azure/key-vault/general/overview-throttling."""

VAULT_CLOSED = "Client address is not authorized and caller is not a trusted service."
"""https://learn.microsoft.com/azure/key-vault/general/common-error-codes"""


def code(fault: Fault) -> str:
    """The error code that the fault's answer carries."""
    if fault.firewall:
        return "AuthorizationFailure" if fault.door == "storage" else "Forbidden"
    return fault.code or _CODES[fault.door].get(fault.status, "InternalServerError")


def words(fault: Fault) -> str:
    """The message that goes with it."""
    if fault.firewall and fault.door == "vault":
        return VAULT_CLOSED
    plain = "The service could not process the request."
    return _WORDS.get(code(fault), plain).format(seconds=fault.retry_after or 1)


def status(fault: Fault) -> int:
    """The answer's status; 0 where the fault lets the request be served."""
    return 403 if fault.firewall else fault.status


def body(fault: Fault) -> Json:
    """The answer's JSON, in the envelope of its door."""
    if fault.door == "registry":
        return {"errors": [{"code": code(fault), "message": words(fault)}]}
    if fault.door == "token":
        return {"statusCode": fault.status, "message": words(fault)}
    return {"error": {"code": code(fault), "message": words(fault)}}


def headers(fault: Fault) -> dict[str, str]:
    """When to come back, if the fault says so."""
    return {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}


def for_storage(fault: Fault) -> Json:
    """Status, code and words for azurite.js, which puts them into storage's own XML."""
    return {"status": status(fault), "code": code(fault), "words": words(fault)} if status(fault) else {}

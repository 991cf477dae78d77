"""A SAS for one container or blob, signed with a key of its account.

https://learn.microsoft.com/rest/api/storagerp/storage-accounts/list-service-sas
"""

from __future__ import annotations

from azure.storage.blob import generate_blob_sas, generate_container_sas

from sandbox.arm.resource_type import Answer, Request
from sandbox.http.azure_errors import AzureError
from sandbox.storage import blobs

_OPTIONS = {
    "signedPermission": "permission",
    "signedExpiry": "expiry",
    "signedStart": "start",
    "signedIdentifier": "policy_id",
    "signedIp": "ip",
    "signedProtocol": "protocol",
    "rscc": "cache_control",
    "rscd": "content_disposition",
    "rsce": "content_encoding",
    "rscl": "content_language",
    "rsct": "content_type",
}
"""Azure's fields, and the arguments of the client library."""


async def list_service_sas(request: Request) -> Answer:
    """The token without a question mark. It is not stored."""
    container, blob = _resource(request)
    key = str(request.body.get("keyToSign") or blobs.KEYS[0])
    if key not in blobs.KEYS:
        raise AzureError("BadRequest", reason=f"The key '{key}' is not valid; expected key1 or key2.")
    account = request.existing or {}
    secret = blobs.keys(request.cloud, account)[blobs.KEYS.index(key)]
    given = {name: request.body[field] for field, name in _OPTIONS.items() if request.body.get(field)}
    name = account["name"]
    if blob:
        token = generate_blob_sas(name, container, blob, account_key=secret, **given)
    else:
        token = generate_container_sas(name, container, secret, **given)
    return Answer(200, {"serviceSasToken": token})


def _resource(request: Request) -> tuple[str, str]:
    """The requested container and blob; the blob is empty for a whole container."""
    kind = str(request.body.get("signedResource") or "")
    place = str(request.body.get("canonicalizedResource") or "")
    service, _, rest = place.strip("/").partition("/")
    account, _, path = rest.partition("/")
    container, _, blob = path.partition("/")
    named = {"c": bool(container) and not blob, "b": bool(blob)}.get(kind, False)
    if service != "blob" or account != request.id.name or not named:
        given = f"signedResource '{kind}' and canonicalizedResource '{place}'"
        raise AzureError("BadRequest", reason=f"{given} do not match a resource of this account.")
    return container, blob

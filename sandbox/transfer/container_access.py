"""A pipeline's access to its container: by its identity, with a SAS token from a vault or with a role."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

import aiohttp
from azure.core.credentials import AzureSasCredential
from azure.storage.blob import BlobProperties
from azure.storage.blob.aio import ContainerClient, LinearRetry

from sandbox.arm import roles
from sandbox.cloud import certificates
from sandbox.cloud.database import Json
from sandbox.cloud.paths import Paths
from sandbox.entra.tokens import Tokens
from sandbox.faults import injection
from sandbox.faults.state import Faults
from sandbox.keyvault import firewall
from sandbox.storage import blobs
from sandbox.transfer.failures import TransferFailedError
from sandbox.transfer.rules import container_end

_READ_SIZE = 4 << 20
"""Bytes of a blob per request."""

_RETRY_DELAYS = (0.1, 0.4)
"""Seconds between the attempts of an idempotent request."""

_NO_ANSWER = "Failed to access storage.  The connection was lost (ServiceRequestError)."

_TRANSIENT = frozenset({429, 500, 502, 503, 504})


def client_session(faults: Faults) -> aiohttp.ClientSession:
    """A session for registries and vaults that retries idempotent requests while a service is busy."""
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=30, sock_read=300)
    return aiohttp.ClientSession(timeout=timeout, middlewares=(_retry, injection.client_middleware(faults)))


async def find_blob(container: ContainerClient, name: str) -> BlobProperties | None:
    """A blob's entry in the container's list: exports and imports need the list permission."""
    async for blob in container.list_blobs(name):
        if blob.name == name:
            return blob
    return None


@dataclass(frozen=True)
class ContainerAccess:
    """Opens the containers of one cloud's pipelines."""

    tokens: Tokens
    vault_audience: str
    paths: Paths
    faults: Faults
    is_blob_endpoint: Callable[[str], bool]
    """Whether a URL belongs to an account of the cloud. The service connects to no other host: a pipeline
    that names one must not keep the others waiting, or send a token there."""

    is_vault: Callable[[str], bool]
    """Whether a URL belongs to a vault of the cloud."""

    async def open(self, session: aiohttp.ClientSession, pipeline: Json) -> ContainerClient:
        """The container of a pipeline; raises TransferFailedError."""
        end = container_end(pipeline)
        container = pipeline["properties"][end]
        uri = str(container["uri"])
        if uri.lower().startswith("http://"):
            status = "400 (AccountRequiresHttps)"
            raise TransferFailedError(f"Failed to access storage.  Service request failed.  Status: {status}")
        if not self.is_blob_endpoint(uri):
            raise TransferFailedError(_NO_ANSWER)
        credential: Any
        if container.get("storageAccessMode") == "ManagedIdentity":
            credential = blobs.Identity(self.tokens, roles.principal_of(pipeline))
        else:
            sas = await self._secret(session, container.get("keyVaultUri") or "", pipeline)
            if self.faults.choice("account-sas") == "refuse":
                _require_container_sas(sas)
            if end == "target":
                _require_add_permission(sas)
            credential = AzureSasCredential(sas.removeprefix("?"))
        try:
            return ContainerClient.from_container_url(
                uri,
                credential=credential,
                transport=blobs.transport(self.paths),
                user_agent=blobs.SERVICE,
                retry_policy=LinearRetry(backoff=0, retry_total=2, random_jitter_range=0),
                max_single_get_size=_READ_SIZE,
                max_chunk_get_size=_READ_SIZE,
            )
        except ValueError as error:
            raise TransferFailedError(_NO_ANSWER) from error

    async def _secret(self, session: aiohttp.ClientSession, uri: str, pipeline: Json) -> str:
        if not uri:
            raise TransferFailedError("Failed to access key vault.  The pipeline has no keyVaultUri.")
        if not self.is_vault(uri):
            raise TransferFailedError(f"Failed to access key vault.  {uri[:200]} does not answer.")
        caller = {firewall.SERVICE: pipeline["identity"]["type"]}
        principal = roles.principal_of(pipeline)
        token = self.tokens.issue(principal, self.vault_audience, seconds=600, **caller)
        headers = {"Authorization": f"Bearer {token}"}
        context = certificates.client_context(self.paths)
        try:
            async with session.get(f"{uri}?api-version=7.4", headers=headers, ssl=context) as response:
                body = await response.json()
                if response.status != 200:
                    detail = f"Status: {response.status} ({body['error']['message']})"
                    raise TransferFailedError(f"Failed to access key vault.  {detail}")
                return str(body["value"])
        except (aiohttp.ClientError, TimeoutError) as error:
            raise TransferFailedError(f"Failed to access key vault.  {uri} does not answer.") from error


def _require_container_sas(sas: str) -> None:
    """Refuse an account SAS, which has the resource types that it covers in `srt`."""
    if "srt" in parse_qs(sas.removeprefix("?")):
        raise TransferFailedError(
            "Failed to access storage.  Status: 403 (AuthorizationPermissionMismatch).  The SAS token is "
            "that of an account: a pipeline needs the SAS token of a container."
        )


def _require_add_permission(sas: str) -> None:
    """Check the one required permission that no request of an export needs."""
    permissions = parse_qs(sas.removeprefix("?")).get("sp", [""])[0]
    if permissions and "a" not in permissions:
        raise TransferFailedError(
            "Failed to access storage.  Status: 403 (AuthorizationPermissionMismatch).  The SAS token lacks "
            "the add permission: an export needs read, add, write and list."
        )


async def _retry(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """Retry a request after a transient error, unless it streams its body (PUT)."""
    if request.method == "PUT":
        return await handler(request)
    for delay in _RETRY_DELAYS:
        try:
            response = await handler(request)
        except aiohttp.ClientResponseError as error:
            if error.status not in _TRANSIENT:
                raise
        except aiohttp.ClientConnectionError:
            pass
        else:
            if response.status not in _TRANSIENT:
                return response
            response.release()
        await asyncio.sleep(delay)
    return await handler(request)

"""How a run gets at its registry and its container: as the pipeline's identity, with a SAS or a role."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import parse_qs

import aiohttp
from azure.core.credentials import AzureSasCredential
from azure.storage.blob.aio import ContainerClient, LinearRetry

from sandbox.arm import roles
from sandbox.cloud import certificates
from sandbox.cloud.cloud import Cloud
from sandbox.cloud.store import Json
from sandbox.faults import injection
from sandbox.keyvault import firewall
from sandbox.storage import blobs
from sandbox.transfer.rules import TransferFailedError

_ONE_REQUEST = 4 << 20
"""Bytes of a blob that are asked for at once."""

_PAUSES = (0.1, 0.4)
"""Seconds between the tries of a request that may be repeated."""

_BUSY = frozenset({429, 500, 502, 503, 504})


def session(cloud: Cloud) -> aiohttp.ClientSession:
    """Requests to registries and vaults: what may be repeated is, where it meets a busy service."""
    unhurried = aiohttp.ClientTimeout(total=None, sock_connect=30, sock_read=300)
    return aiohttp.ClientSession(timeout=unhurried, middlewares=(_again, injection.on_the_way(cloud.faults)))


def end_of(pipeline: Json) -> str:
    """`target` for an export pipeline, `source` for an import pipeline."""
    return "target" if "target" in pipeline["properties"] else "source"


async def container(cloud: Cloud, session: aiohttp.ClientSession, pipeline: Json) -> ContainerClient:
    """The pipeline's container, opened as its identity: with a SAS from the vault, or by its role."""
    end = end_of(pipeline)
    place = pipeline["properties"][end]
    if place["uri"].lower().startswith("http://"):
        code = "AccountRequiresHttps"
        raise TransferFailedError(f"Failed to access storage.  Service request failed.  Status: 400 ({code})")
    principal = roles.principal_of(pipeline)
    credential: Any
    if place.get("storageAccessMode") == "ManagedIdentity":
        credential = blobs.Identity(cloud, principal)
    else:
        sas = await _secret(cloud, session, place.get("keyVaultUri") or "", principal)
        _refuse_narrow(sas, exports=end == "target")
        credential = AzureSasCredential(sas.removeprefix("?"))
    return ContainerClient.from_container_url(
        place["uri"],
        credential=credential,
        transport=blobs.transport(cloud),
        retry_policy=LinearRetry(backoff=0, retry_total=2, random_jitter_range=0),
        max_single_get_size=_ONE_REQUEST,
        max_chunk_get_size=_ONE_REQUEST,
    )


def _refuse_narrow(sas: str, *, exports: bool) -> None:
    """The one documented right that no request of an export would be refused for."""
    letters = parse_qs(sas.removeprefix("?")).get("sp", [""])[0]
    if exports and letters and "a" not in letters:
        raise TransferFailedError(
            "Failed to access storage.  Status: 403 (AuthorizationPermissionMismatch).  The SAS token lacks "
            "the add right: an export needs read, add, write and list."
        )


async def _secret(cloud: Cloud, session: aiohttp.ClientSession, uri: str, principal: str) -> str:
    if not uri:
        raise TransferFailedError("Failed to access key vault.  The pipeline names no secret (keyVaultUri).")
    # The vault lets trusted services in past its firewall, as the transfer service is.
    token = cloud.tokens.issue(principal, cloud.facts.vault_audience, seconds=600, **{firewall.TRUSTED: True})
    bearer = {"Authorization": f"Bearer {token}"}
    context = certificates.client_context(cloud.places)
    try:
        async with session.get(f"{uri}?api-version=7.4", headers=bearer, ssl=context) as answer:
            body = await answer.json()
            if answer.status != 200:
                said = body["error"]["message"]
                raise TransferFailedError(f"Failed to access key vault.  Status: {answer.status} ({said})")
            return str(body["value"])
    except (aiohttp.ClientError, TimeoutError) as error:
        raise TransferFailedError(f"Failed to access key vault.  {uri} does not answer.") from error


async def _again(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """Repeat what a busy service refuses or a lost connection ends; not what streams its body away."""
    if request.method == "PUT":
        return await handler(request)
    for pause in _PAUSES:
        try:
            answer = await handler(request)
        except aiohttp.ClientResponseError as error:
            if error.status not in _BUSY:
                raise
        except aiohttp.ClientConnectionError:
            pass
        else:
            if answer.status not in _BUSY:
                return answer
            answer.release()
        await asyncio.sleep(pause)
    return await handler(request)

"""The authorization of requests for content, with the credential of a container's client.

https://learn.microsoft.com/rest/api/storageservices/authorize-requests-to-azure-storage
"""

import asyncio
import time
from email.utils import formatdate
from typing import Any

from azure.core.credentials import AccessToken
from azure.core.pipeline import PipelineContext, PipelineRequest
from azure.core.pipeline.transport import HttpRequest
from azure.storage.blob.aio import ContainerClient

from acr_transfer.azure.content.connection import Request
from acr_transfer.azure.storage_limits import AudienceCredential
from acr_transfer.version import version

_RENEW_BEFORE = 300
"""Seconds before a token's end at which a new one is requested."""


class Signer:
    """Signs requests: with an account key, with the caller's token, or not at all if the URL has a SAS."""

    def __init__(self, client: ContainerClient) -> None:
        self._credential: Any = client.credential
        self._headers = {"User-Agent": f"acr-transfer/{version()}", "x-ms-version": client.api_version}
        self._token: AccessToken | None = None
        self._renewing = asyncio.Lock()

    async def sign(self, method: str, url: str, headers: dict[str, str]) -> Request:
        """Return the request. It must be sent within 15 minutes, as its date must be that of the service."""
        signed = {**self._headers, "x-ms-date": formatdate(usegmt=True), **headers}
        if isinstance(self._credential, AudienceCredential):
            signed["Authorization"] = f"Bearer {await self._bearer(self._credential)}"
        elif self._credential is not None:
            # The policy of Azure's client, whose signature covers exactly these headers and this URL.
            request = HttpRequest(method, url, headers=signed)
            self._credential.on_request(PipelineRequest(request, PipelineContext(None)))
            signed = dict(request.headers)
        return Request(method=method, url=url, headers=signed)

    async def _bearer(self, credential: AudienceCredential) -> str:
        # Some logins start a program for each token.
        async with self._renewing:
            if self._token is None or self._token.expires_on < time.time() + _RENEW_BEFORE:
                self._token = await credential.token()
            return self._token.token

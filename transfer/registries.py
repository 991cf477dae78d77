"""A registry's manifests, read with Microsoft's own client for Azure Container Registry.

The client signs in as the registry's challenge asks: 401, `/oauth2/exchange`, `/oauth2/token`. It does so for
every request; `_Tokens` keeps each repository's token, so that only the first one pays.
https://learn.microsoft.com/azure/container-registry/container-registry-authentication
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

from azure.containerregistry.aio import ContainerRegistryClient
from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import ResourceNotFoundError, ResponseNotReadError
from azure.core.pipeline import PipelineRequest, PipelineResponse
from azure.core.pipeline.policies import SansIOHTTPPolicy

from transfer.clouds import Cloud
from transfer.errors import ServiceError, explained
from transfer.manifests import Manifest

_MANIFEST_PATH = re.compile(r"/v2/(?P<repository>.+)/manifests/[^/]+")


@asynccontextmanager
async def opened(login_server: str, cloud: Cloud, login: AsyncTokenCredential) -> AsyncIterator[Registry]:
    """The registry at `login_server` (host, or host and port), over https."""
    audience = {"audience": cloud.registry_audience} if cloud.registry_audience else {}
    async with ContainerRegistryClient(
        login_server, login, per_retry_policies=[_Tokens()], **audience
    ) as client:
        yield Registry(login_server, client)


class Registry:
    """A registry behind its client; a `Manifests`."""

    def __init__(self, login_server: str, client: ContainerRegistryClient) -> None:
        self._login_server = login_server
        self._client = client

    async def get(self, repository: str, reference: str) -> Manifest | None:
        """The manifest behind a tag or digest, with the bytes as they came; None if it is not there.

        Raises `AccessError` without the right to pull, `ServiceError` for an answer that is no manifest.
        """
        answers: list[PipelineResponse[Any, Any]] = []
        needs = f"to pull from {self._login_server} (the role AcrPull)"
        with explained(f"reading {repository} {reference}", self._login_server, needs=needs):
            try:
                await self._client.get_manifest(repository, reference, raw_response_hook=answers.append)
            except ResourceNotFoundError:
                return None
            except ValueError:
                # The client found bytes that do not fit the digest, or are no manifest. They decide, below.
                pass
            return self._from(answers, f"{repository} {reference}")

    def _from(self, answers: list[PipelineResponse[Any, Any]], what: str) -> Manifest:
        try:
            response = answers[-1].http_response
            return Manifest(bytes(response.content), str(response.headers.get("Content-Type", "")))
        except (IndexError, ResponseNotReadError):
            raise ServiceError(
                f"{self._login_server} answers for {what} without a length, "
                "or with more than the 4 MiB of a manifest"
            ) from None


class _Tokens(SansIOHTTPPolicy[Any, Any]):
    """Uses the last access token of a repository again, until the registry refuses it.

    It stands behind the client's own policy for challenges: that one sees a refusal and gets a new token.
    """

    def __init__(self) -> None:
        self._known: dict[str, str] = {}

    def on_request(self, request: PipelineRequest[Any]) -> None:
        token = self._known.get(_repository(request))
        if token and "Authorization" not in request.http_request.headers:
            request.http_request.headers["Authorization"] = token

    def on_response(self, request: PipelineRequest[Any], response: PipelineResponse[Any, Any]) -> None:
        repository, token = _repository(request), request.http_request.headers.get("Authorization")
        if response.http_response.status_code == 401:
            self._known.pop(repository, None)
        elif repository and token:
            self._known[repository] = token


def _repository(request: PipelineRequest[Any]) -> str:
    match = _MANIFEST_PATH.fullmatch(urlsplit(request.http_request.url).path)
    return match["repository"] if match else ""

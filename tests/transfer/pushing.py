"""Pushes small images, indexes and referrers to a registry of the sandbox, and deletes them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from sandbox.cloud import certificates
from sandbox.cloud.cloud import Cloud
from sandbox.registry.oci_client import Manifest, OciClient, digest_of

IMAGE = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"


def push(
    cloud: Cloud, repository: str, tag: str, subject: Manifest | None = None, *, build: str = ""
) -> Manifest:
    """Push an image, or an SBOM of `subject`; without a tag only by its digest.

    Repository, tag, subject and build make it unique: another build moves the tag.
    """
    return asyncio.run(_push(cloud, repository, tag, subject, build))


def push_index(cloud: Cloud, repository: str, tag: str, *children: Manifest) -> Manifest:
    """Push an index of pushed images."""
    listed = [{"mediaType": IMAGE, "digest": one.digest, "size": len(one.body)} for one in children]
    document = {"schemaVersion": 2, "mediaType": INDEX, "manifests": listed}
    manifest = Manifest(INDEX, json.dumps(document).encode())

    async def put() -> None:
        async with _registry(cloud) as registry:
            await registry.put_manifest(repository, tag, manifest)

    asyncio.run(put())
    return manifest


def delete(cloud: Cloud, repository: str, digest: str) -> None:
    """Delete a manifest and its tags, as `acr purge` does."""

    async def send() -> None:
        url = f"https://{cloud.login_server(cloud.definition.registry)}/v2/{repository}/manifests/{digest}"
        access = [{"type": "repository", "name": repository, "actions": ["delete"]}]
        token = cloud.tokens.issue("a test", cloud.login_server(cloud.definition.registry), access=access)
        headers = {"Authorization": f"Bearer {token}"}
        async with _session(cloud) as session, session.delete(url, headers=headers) as response:
            response.raise_for_status()

    asyncio.run(send())


@asynccontextmanager
async def _registry(cloud: Cloud) -> AsyncIterator[OciClient]:
    name = cloud.definition.registry
    async with _session(cloud) as session:
        url = f"https://{cloud.login_server(name)}"
        yield OciClient(session, url, lambda repository: cloud.authorise(name, repository))


def _session(cloud: Cloud) -> aiohttp.ClientSession:
    trust = aiohttp.TCPConnector(ssl=certificates.client_context(cloud.paths))
    return aiohttp.ClientSession(connector=trust)


async def _push(cloud: Cloud, repository: str, tag: str, subject: Manifest | None, build: str) -> Manifest:
    layer = f"{repository} {tag} {subject}{build}".encode()
    config, content = (
        {"mediaType": "x/y", "digest": digest_of(blob), "size": len(blob)} for blob in (b"{}", layer)
    )
    document: dict[str, Any] = {
        "schemaVersion": 2,
        "mediaType": IMAGE,
        "config": config,
        "layers": [content],
    }
    if subject:
        about = {"mediaType": IMAGE, "digest": subject.digest, "size": len(subject.body)}
        document |= {"subject": about, "artifactType": "application/spdx+json"}
    manifest = Manifest(IMAGE, json.dumps(document).encode())
    async with _registry(cloud) as registry:
        for blob in (b"{}", layer):
            await registry.put_blob(repository, digest_of(blob), len(blob), _whole(blob))
        await registry.put_manifest(repository, tag or manifest.digest, manifest)
    return manifest


async def _whole(blob: bytes) -> AsyncIterator[bytes]:
    yield blob

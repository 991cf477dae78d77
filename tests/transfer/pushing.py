"""Pushes small images and referrers to the sandbox's source registry."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp

from sandbox.cloud import certificates
from sandbox.cloud.cloud import Cloud
from sandbox.cloud.definitions import SOURCE
from sandbox.registry.oci_client import Manifest, OciClient, digest_of

IMAGE = "application/vnd.oci.image.manifest.v1+json"


def push(cloud: Cloud, repository: str, tag: str, subject: Manifest | None = None) -> Manifest:
    """Push a unique image, or an SBOM of `subject`; without a tag only by its digest."""
    return asyncio.run(_push(cloud, repository, tag, subject))


async def _push(cloud: Cloud, repository: str, tag: str, subject: Manifest | None) -> Manifest:
    layer = f"{repository} {tag} {subject}".encode()
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
    trust = aiohttp.TCPConnector(ssl=certificates.client_context(cloud.paths))
    async with aiohttp.ClientSession(connector=trust) as session:
        url = f"https://{cloud.login_server(SOURCE.registry)}"
        registry = OciClient(session, url, lambda name: cloud.authorise(SOURCE.registry, name))
        for blob in (b"{}", layer):
            await registry.put_blob(repository, digest_of(blob), len(blob), _whole(blob))
        await registry.put_manifest(repository, tag or manifest.digest, manifest)
    return manifest


async def _whole(blob: bytes) -> AsyncIterator[bytes]:
    yield blob

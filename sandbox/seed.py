"""Pushes the sample content to the source registry."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator

import aiohttp

from sandbox.cloud import certificates
from sandbox.cloud.cloud import Cloud
from sandbox.cloud.definitions import SOURCE
from sandbox.cloud.paths import Paths
from sandbox.registry.oci_client import OciClient, digest_of
from sandbox.samples import Sample, samples

_MAX_CONCURRENT = 8


def seed(paths: Paths) -> str:
    """Push all samples that the registry does not have; returns a summary."""
    count = asyncio.run(_push_all(Cloud(SOURCE, paths)))
    return f"The source registry {SOURCE.registry} has {count} sample manifests."


async def _push_all(cloud: Cloud) -> int:
    trust = aiohttp.TCPConnector(ssl=certificates.client_context(cloud.paths))
    async with aiohttp.ClientSession(connector=trust) as session:
        url = f"https://{cloud.login_server(SOURCE.registry)}"
        registry = OciClient(session, url, lambda repository: cloud.authorise(SOURCE.registry, repository))
        count = 0
        for group in _independent(samples()):
            await asyncio.gather(*(_push(registry, sample) for sample in group))
            count += len(group)
    return count


def _independent(pushed: Iterable[Sample]) -> Iterator[list[Sample]]:
    """Groups of samples that do not depend on each other: a manifest with children starts a new group."""
    group: list[Sample] = []
    for sample in pushed:
        if sample.manifest.children or len(group) == _MAX_CONCURRENT:
            yield group
            group = []
        group.append(sample)
    yield group


async def _push(registry: OciClient, sample: Sample) -> None:
    name = sample.tag or sample.manifest.digest
    for blob in sample.blobs:
        if not await registry.has(sample.repository, "blobs", digest_of(blob)):
            await registry.put_blob(sample.repository, digest_of(blob), len(blob), _chunks(blob))
    await registry.put_manifest(sample.repository, name, sample.manifest)


async def _chunks(body: bytes) -> AsyncIterator[bytes]:
    yield body

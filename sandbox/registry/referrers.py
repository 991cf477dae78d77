"""Referrers of a manifest: by their `subject`, or listed under the fallback tag that older clients write.

https://github.com/opencontainers/distribution-spec/blob/main/spec.md#listing-referrers
"""

import json
from collections.abc import Iterator

from aiohttp import web

from sandbox.cloud.database import Json
from sandbox.registry.content import Content, StoredManifest
from sandbox.registry.oci_client import INDEX_TYPES


def index_response(content: Content, repository: str, digest: str, request: web.Request) -> web.Response:
    """An index of all referrers; an unknown digest gets an empty index."""
    wanted = request.query.get("artifactType", "")
    found = [each for each in _referrers(content, repository, digest) if wanted in ("", each["artifactType"])]
    index = {"schemaVersion": 2, "mediaType": INDEX_TYPES[0], "manifests": found}
    headers = {"Content-Type": INDEX_TYPES[0]}
    if wanted:
        headers["OCI-Filters-Applied"] = "artifactType"
    return web.Response(body=json.dumps(index).encode(), headers=headers)


def _referrers(content: Content, repository: str, digest: str) -> Iterator[Json]:
    found = {each.digest: each for each in content.referrers(repository, digest)}
    found |= {each.digest: each for each in _fallback(content, repository, digest)}
    return map(_descriptor, (found[each] for each in sorted(found)))


def _fallback(content: Content, repository: str, digest: str) -> list[StoredManifest]:
    """Manifests in the index under the tag `sha256-<hex>`, for registries without the referrers API."""
    tagged = content.tag(repository, digest.replace(":", "-", 1))
    index = content.manifest(repository, tagged.digest) if tagged else None
    found = (content.manifest(repository, child) for child in (index.children if index else ()))
    return [manifest for manifest in found if manifest]


def _descriptor(manifest: StoredManifest) -> Json:
    annotations = manifest.content.get("annotations")
    return {
        "mediaType": manifest.media_type,
        "digest": manifest.digest,
        "size": len(manifest.body),
        "artifactType": manifest.artifact_type,
        **({"annotations": annotations} if annotations else {}),
    }

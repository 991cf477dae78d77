"""Referrers of a manifest: by their `subject`, or listed under the fallback tag that older clients write.

https://github.com/opencontainers/distribution-spec/blob/main/spec.md#listing-referrers
"""

import json
from collections.abc import Iterator
from typing import Any

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


def subject_of(body: bytes) -> str:
    """The subject's digest in a pushed manifest, or an empty string."""
    try:
        subject = json.loads(body).get("subject")
    except (ValueError, AttributeError):
        return ""
    return str(subject.get("digest", "")) if isinstance(subject, dict) else ""


def _referrers(content: Content, repository: str, digest: str) -> Iterator[Json]:
    listed = _fallback(content, repository, digest)
    for manifest in content.manifests(repository):
        if manifest.subject == digest or manifest.digest in listed:
            yield _descriptor(manifest)


def _fallback(content: Content, repository: str, digest: str) -> set[str]:
    """Digests in the index under the tag `sha256-<hex>`, for registries without the referrers API."""
    name = digest.replace(":", "-", 1)
    tagged = next((tag for tag in content.tags(repository) if tag.name == name), None)
    index = content.manifest(repository, tagged.digest) if tagged else None
    entries: list[dict[str, Any]] = index.content.get("manifests", []) if index else []
    return {entry["digest"] for entry in entries}


def _descriptor(manifest: StoredManifest) -> Json:
    annotations = manifest.content.get("annotations")
    return {
        "mediaType": manifest.media_type,
        "digest": manifest.digest,
        "size": len(manifest.body),
        "artifactType": manifest.artifact_type,
        **({"annotations": annotations} if annotations else {}),
    }

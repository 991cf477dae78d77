"""What a registry holds, read from the folder that its server keeps.

The distribution API cannot list manifests without a tag, nor say when one came; the server's folder can
(https://distribution.github.io/distribution/about/architecture/, storage/paths.go of the server).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sandbox.registry.oci_client import INDEX_TYPES

_CONFIGS_OF_IMAGES = (
    "application/vnd.oci.image.config.v1+json",
    "application/vnd.docker.container.image.v1+json",
)


@dataclass(frozen=True)
class StoredManifest:
    """One manifest of one repository."""

    digest: str
    body: bytes
    arrived: datetime

    @property
    def content(self) -> dict[str, Any]:
        """The parsed manifest."""
        parsed: dict[str, Any] = json.loads(self.body)
        return parsed

    @property
    def media_type(self) -> str:
        """Its own word for what it is; an OCI manifest may leave that out."""
        otherwise = (
            INDEX_TYPES[0] if "manifests" in self.content else "application/vnd.oci.image.manifest.v1+json"
        )
        return str(self.content.get("mediaType") or otherwise)

    @property
    def artifact_type(self) -> str:
        """What kind of artifact it is; that of its configuration where it does not say."""
        config = (self.content.get("config") or {}).get("mediaType", "")
        return str(self.content.get("artifactType") or config)

    @property
    def subject(self) -> str:
        """The digest of what it is attached to, or nothing."""
        return str((self.content.get("subject") or {}).get("digest", ""))

    @property
    def size(self) -> int:
        """Bytes of the manifest and all that it lists."""
        content = self.content
        parts = [content.get("config") or {}, *content.get("layers", []), *content.get("manifests", [])]
        return len(self.body) + sum(int(part.get("size", 0)) for part in parts)


@dataclass(frozen=True)
class StoredTag:
    """One tag of one repository."""

    name: str
    digest: str
    made: datetime
    moved: datetime


class Content:
    """The repositories, tags and manifests of one registry; read anew at every question."""

    def __init__(self, images: Path) -> None:
        self._root = images / "docker/registry/v2"

    def repositories(self) -> list[str]:
        """Names of all repositories that hold a manifest, in order."""
        base = self._root / "repositories"
        found = (path.parent for path in base.rglob("_manifests"))
        return sorted(str(path.relative_to(base)) for path in found if _links(path / "_manifests/revisions"))

    def manifests(self, repository: str) -> list[StoredManifest]:
        """All manifests of a repository, tagged or not, by digest."""
        links = _links(self._manifests(repository) / "revisions")
        found = (self._manifest(link) for link in links)
        return sorted((each for each in found if each), key=lambda each: each.digest)

    def manifest(self, repository: str, digest: str) -> StoredManifest | None:
        """One manifest by its digest."""
        algorithm, _, value = digest.partition(":")
        link = self._manifests(repository) / "revisions" / algorithm / value / "link"
        return self._manifest(link) if value and "/" not in digest and link.is_file() else None

    def tags(self, repository: str) -> list[StoredTag]:
        """All tags of a repository, by name."""
        folder = self._manifests(repository) / "tags"
        return sorted((_tag(path) for path in folder.glob("*/current/link")), key=lambda each: each.name)

    def platform(self, manifest: StoredManifest) -> dict[str, str]:
        """Operating system and architecture that an image's configuration names; empty for anything else."""
        config = manifest.content.get("config") or {}
        if config.get("mediaType") not in _CONFIGS_OF_IMAGES:
            return {}
        body = self._blob(str(config.get("digest", "")))
        described = json.loads(body) if body else {}
        return {key: described[key] for key in ("architecture", "os") if described.get(key)}

    def _manifests(self, repository: str) -> Path:
        return self._root / "repositories" / repository / "_manifests"

    def _manifest(self, link: Path) -> StoredManifest | None:
        digest = link.read_text()
        body = self._blob(digest)
        return StoredManifest(digest, body, _time(link)) if body else None

    def _blob(self, digest: str) -> bytes:
        algorithm, _, value = digest.partition(":")
        path = self._root / "blobs" / algorithm / value[:2] / value / "data"
        return path.read_bytes() if value and path.is_file() else b""


def _links(revisions: Path) -> list[Path]:
    return list(revisions.glob("*/*/link"))


def _tag(link: Path) -> StoredTag:
    folder = link.parent.parent
    first = min((_time(path) for path in (folder / "index").glob("*/*/link")), default=_time(link))
    return StoredTag(folder.name, link.read_text(), first, _time(link))


def _time(path: Path) -> datetime:
    return datetime.fromtimestamp(path.stat().st_mtime, UTC)

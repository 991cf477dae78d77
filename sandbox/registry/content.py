"""A registry's content, read from the storage folder of its server.

The distribution API does not list manifests without a tag and does not report when content was pushed; the
storage folder has both (storage/paths.go of the server,
https://distribution.github.io/distribution/about/architecture/).
"""

import itertools
import re
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sandbox.registry.oci_client import INDEX_TYPES, MANIFEST_TYPES, Manifest, parsed


@dataclass(frozen=True)
class StoredManifest(Manifest):
    """One manifest of one repository."""

    created: datetime
    """When the manifest was pushed to the repository."""

    @property
    def artifact_type(self) -> str:
        """The manifest's `artifactType`, or the media type of its configuration."""
        config = (self.content.get("config") or {}).get("mediaType", "")
        return str(self.content.get("artifactType") or config)

    @property
    def subject(self) -> str:
        """The digest of the manifest's subject, or an empty string."""
        return str((self.content.get("subject") or {}).get("digest", ""))

    @property
    def size(self) -> int:
        """Bytes of the manifest and its descriptors' content."""
        content = self.content
        lists = (content.get(name) or [] for name in ("layers", "manifests"))
        parts = [content.get("config") or {}, *itertools.chain(*lists)]
        return len(self.body) + sum(int(part.get("size", 0)) for part in parts)


@dataclass(frozen=True)
class StoredTag:
    """One tag of one repository."""

    name: str
    digest: str
    created: datetime
    updated: datetime


class Content:
    """The repositories, tags and manifests of one registry; every call reads the folder again.

    Only the subjects are remembered: reading every manifest for each list of referrers takes quadratic time.
    """

    def __init__(self, images: Path) -> None:
        self._root = images / "docker/registry/v2"
        self._subjects: dict[str, SubjectIndex] = {}

    def repositories(self) -> list[str]:
        """Sorted names of all repositories that contain a manifest."""
        base = self._root / "repositories"
        links = base.rglob("_manifests/revisions/*/*/link")
        return sorted({str(link.parents[4].relative_to(base)) for link in links})

    def manifests(self, repository: str) -> list[StoredManifest]:
        """All manifests of a repository, sorted by digest."""
        links = (self._manifests(repository) / "revisions").glob("*/*/link")
        found = (self._manifest(link) for link in links)
        return sorted((manifest for manifest in found if manifest), key=lambda manifest: manifest.digest)

    def manifest(self, repository: str, digest: str) -> StoredManifest | None:
        """One manifest by its digest."""
        if not _DIGEST.fullmatch(digest):
            return None
        link = self._manifests(repository) / "revisions" / digest.replace(":", "/") / "link"
        return self._manifest(link) if link.is_file() else None

    def referrers(self, repository: str, subject: str) -> list[StoredManifest]:
        """All manifests of a repository with this subject, sorted by digest."""
        folder = self._manifests(repository) / "revisions"
        index = self._subjects.setdefault(repository, SubjectIndex(folder, self._blob))
        found = (self.manifest(repository, digest) for digest in sorted(index.referrers(subject)))
        return [manifest for manifest in found if manifest]

    def tag(self, repository: str, name: str) -> StoredTag | None:
        """One tag by its name."""
        if not _TAG.fullmatch(name):
            return None
        link = self._manifests(repository) / "tags" / name / "current/link"
        return _tag(link) if link.is_file() else None

    def tags(self, repository: str) -> list[StoredTag]:
        """All tags of a repository, sorted by name."""
        folder = self._manifests(repository) / "tags"
        return sorted((_tag(path) for path in folder.glob("*/current/link")), key=lambda tag: tag.name)

    def _manifests(self, repository: str) -> Path:
        # A name that is none of a repository must not lead elsewhere; no repository is named like this.
        name = repository if is_repository(repository) else "-"
        return self._root / "repositories" / name / "_manifests"

    def _manifest(self, link: Path) -> StoredManifest | None:
        body = self._blob(link.read_text())
        return StoredManifest(_media_type(body), body, _time(link)) if body else None

    def _blob(self, digest: str) -> bytes:
        algorithm, _, value = digest.partition(":")
        path = self._root / "blobs" / algorithm / value[:2] / value / "data"
        return path.read_bytes() if value and path.is_file() else b""


class SubjectIndex:
    """The manifests of one repository by their subject; it reads each manifest once.

    It lists deleted manifests too: the server keeps their folder.
    """

    _CLOCK_STEP = 1.0
    """Seconds. A folder that changes twice in one step of the file system's clock keeps its time."""

    def __init__(self, revisions: Path, blob: Callable[[str], bytes]) -> None:
        self._revisions, self._blob = revisions, blob
        self._read = set[str]()
        self._settled = dict[Path, float]()
        """The time of each folder that had not changed for a step of the clock when it was listed."""

        self._referrers = defaultdict[str, list[str]](list)

    def referrers(self, subject: str) -> list[str]:
        """The digests of the manifests with this subject."""
        for folder in self._revisions.glob("*"):
            self._update(folder)
        return self._referrers.get(subject, [])

    def _update(self, folder: Path) -> None:
        now, changed = time.time(), folder.stat().st_mtime
        if self._settled.get(folder) == changed:
            return
        for digest in {f"{folder.name}:{entry.name}" for entry in folder.iterdir()} - self._read:
            if body := self._blob(digest):
                self._read.add(digest)
                self._referrers[subject_of(body)].append(digest)
        if changed < now - self._CLOCK_STEP:
            self._settled[folder] = changed


def subject_of(body: bytes) -> str:
    """The subject's digest in a manifest, or an empty string."""
    try:
        subject = parsed(body).get("subject")
    except (ValueError, RecursionError):
        return ""
    return str(subject.get("digest", "")) if isinstance(subject, dict) else ""


_PART = "[a-z0-9]+(?:(?:[.]|_|__|-+)[a-z0-9]+)*"
_REPOSITORY = re.compile(f"{_PART}(?:/{_PART})*")
_DIGEST = re.compile("[a-z0-9]{1,16}:[0-9a-f]{32,128}")
_TAG = re.compile("[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}")


def is_repository(name: str) -> bool:
    """Whether a name is one of a repository, which is also a path of the storage folder.

    https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-manifests
    """
    return len(name) <= 255 and _REPOSITORY.fullmatch(name) is not None


def _media_type(body: bytes) -> str:
    """The manifest's `mediaType`, which is optional in OCI manifests."""
    content = parsed(body)
    default = INDEX_TYPES[0] if "manifests" in content else MANIFEST_TYPES[0]
    return str(content.get("mediaType") or default)


def _tag(link: Path) -> StoredTag:
    folder = link.parent.parent
    created = min((_time(path) for path in (folder / "index").glob("*/*/link")), default=_time(link))
    return StoredTag(folder.name, link.read_text(), created, _time(link))


def _time(path: Path) -> datetime:
    return datetime.fromtimestamp(path.stat().st_mtime, UTC)

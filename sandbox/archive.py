"""What the blob between two clouds holds: an OCI image layout in a tar.

The layout is the specification's (https://github.com/opencontainers/image-spec/blob/main/image-layout.md).
That it is what travels is the sandbox's own choice; what the service really writes is not published.
"""

from __future__ import annotations

import json
import tarfile
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from sandbox.oci import CHUNK, Manifest

REFERENCE = "org.opencontainers.image.ref.name"
_BLOCK = tarfile.BLOCKSIZE


@dataclass
class Contents:
    """What one archive carries: manifests, what they name, and the references that they go by."""

    references: dict[str, str] = field(default_factory=dict)
    """Artifact as asked for (`repository:tag` or `repository@digest`) to its digest."""

    manifests: dict[str, Manifest] = field(default_factory=dict)
    """By digest; children of indexes are among them."""

    blobs: dict[str, tuple[str, int]] = field(default_factory=dict)
    """Digest to a repository that holds the blob, and its size."""

    def index(self) -> bytes:
        """The layout's index.json: every reference with the manifest that it names."""
        entries = [
            {
                "mediaType": self.manifests[digest].media_type,
                "digest": digest,
                "size": len(self.manifests[digest].body),
                "annotations": {REFERENCE: reference},
            }
            for reference, digest in sorted(self.references.items())
        ]
        return json.dumps({"schemaVersion": 2, "manifests": entries}, separators=(",", ":")).encode()


class Blobs(Protocol):
    """Reads a blob of a repository; a registry client's `blob` fits."""

    def __call__(self, repository: str, digest: str) -> AsyncIterator[bytes]:
        """The blob's bytes, chunk by chunk."""


async def written(contents: Contents, read: Blobs) -> AsyncIterator[bytes]:
    """The archive's bytes, in an order and with times that make equal contents equal bytes."""
    small = {"oci-layout": b'{"imageLayoutVersion":"1.0.0"}', "index.json": contents.index()}
    small |= {_place(digest): contents.manifests[digest].body for digest in sorted(contents.manifests)}
    for name, body in small.items():
        yield _header(name, len(body)) + body + _padding(len(body))
    for digest, (repository, size) in sorted(contents.blobs.items()):
        yield _header(_place(digest), size)
        async for chunk in read(repository, digest):
            yield chunk
        yield _padding(size)
    yield b"\0" * _BLOCK * 2


class Archive:
    """An archive on disk, read back."""

    def __init__(self, path: Path) -> None:
        self._tar = tarfile.open(path)  # noqa: SIM115 - the archive closes it
        self._members = {member.name: member for member in self._tar.getmembers()}

    def close(self) -> None:
        """Let go of the file."""
        self._tar.close()

    def contents(self) -> Contents:
        """The references and manifests that the archive carries; blobs are listed by `size`."""
        contents = Contents()
        for entry in json.loads(self._read("index.json"))["manifests"]:
            contents.references[entry["annotations"][REFERENCE]] = entry["digest"]
            self._gather(contents, entry["digest"], entry["mediaType"])
        return contents

    def size(self, digest: str) -> int:
        """Bytes of one blob."""
        return self._members[_place(digest)].size

    async def blob(self, digest: str) -> AsyncIterator[bytes]:
        """A blob's bytes, chunk by chunk."""
        opened = self._tar.extractfile(self._members[_place(digest)])
        assert opened
        while chunk := opened.read(CHUNK):
            yield chunk

    def _gather(self, contents: Contents, digest: str, media_type: str) -> None:
        manifest = Manifest(media_type, self._read(_place(digest)))
        contents.manifests[digest] = manifest
        for child in manifest.content.get("manifests", []):
            self._gather(contents, child["digest"], child["mediaType"])

    def _read(self, name: str) -> bytes:
        opened = self._tar.extractfile(self._members[name])
        assert opened
        return opened.read()


def _place(digest: str) -> str:
    return "blobs/" + digest.replace(":", "/")


def _header(name: str, size: int) -> bytes:
    entry = tarfile.TarInfo(name)
    entry.size = size
    return entry.tobuf(tarfile.PAX_FORMAT)


def _padding(size: int) -> bytes:
    return b"\0" * (-size % _BLOCK)

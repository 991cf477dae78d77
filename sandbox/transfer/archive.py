"""The content of a transfer blob: an OCI image layout in a tar, written and read as a stream.

The format is the sandbox's own choice, because the service's format is not published. The layout is
https://github.com/opencontainers/image-spec/blob/main/image-layout.md. The index comes first, then the
manifests, then the blobs, so that a reader knows the content before the blobs arrive.
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from sandbox.registry.oci_client import Manifest, WrongContentError

REFERENCE = "org.opencontainers.image.ref.name"
_ALGORITHMS = frozenset({"sha256", "sha512"})
"""https://github.com/opencontainers/image-spec/blob/main/descriptor.md#registered-algorithms"""

_BLOCK = tarfile.BLOCKSIZE
_MAX_IN_MEMORY = 64 << 20
"""Limit for the index and manifests, which are held in memory."""

ReadBlob = Callable[[str, str], AsyncIterator[bytes]]
"""Reads a blob by repository and digest; `OciClient.blob` fits."""


class BadArchiveError(Exception):
    """The bytes are not a valid archive; the message is the reason."""


@dataclass
class ArchiveContents:
    """The content of an archive: references, manifests and blobs."""

    references: dict[str, str] = field(default_factory=dict)
    """Requested artifact (`repository:tag` or `repository@digest`) to digest."""

    manifests: dict[str, Manifest] = field(default_factory=dict)
    """By digest, with the children of indexes."""

    blobs: dict[str, tuple[str, int]] = field(default_factory=dict)
    """Digest to a repository that contains the blob, and the blob's size."""

    def add(self, other: ArchiveContents) -> None:
        """Add the content of another archive."""
        self.references |= other.references
        self.manifests |= other.manifests
        self.blobs = other.blobs | self.blobs

    def tree(self, digest: str) -> Iterator[str]:
        """Digests of a manifest and its descendants, children first."""
        for child in self.manifests[digest].children:
            yield from self.tree(child)
        yield digest

    def parents_first(self) -> list[str]:
        """Digests of all manifests, each index before its children."""
        roots = sorted(set(self.references.values()))
        return list(dict.fromkeys(each for root in roots for each in reversed(list(self.tree(root)))))

    def required_blobs(self, digest: str) -> dict[str, int]:
        """Digest and size of all blobs of a manifest and its descendants."""
        found: dict[str, int] = {}
        for each in self.tree(digest):
            found |= self.manifests[each].blobs
        return found

    def index(self) -> bytes:
        """The layout's index.json."""
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

    @property
    def size(self) -> int:
        """Bytes of all blobs."""
        return sum(size for _, size in self.blobs.values())


async def archive_bytes(contents: ArchiveContents, read: ReadBlob) -> AsyncIterator[bytes]:
    """The archive's bytes; equal contents give equal bytes.

    Raises WrongContentError after the last byte of a blob that does not match its digest.
    """
    small = {"oci-layout": b'{"imageLayoutVersion":"1.0.0"}', "index.json": contents.index()}
    small |= {_path(digest): contents.manifests[digest].body for digest in contents.parents_first()}
    for name, body in small.items():
        yield _header(name, len(body)) + body + _padding(len(body))
    for digest, (repository, size) in sorted(contents.blobs.items()):
        yield _header(_path(digest), size)
        async for chunk in verified(read(repository, digest), digest, size):
            yield chunk
        yield _padding(size)
    yield b"\0" * _BLOCK * 2


async def verified(chunks: AsyncIterator[bytes], digest: str, size: int) -> AsyncIterator[bytes]:
    """The same bytes; raises WrongContentError if there are too many, or at the end if they are wrong."""
    algorithm, _, expected = digest.partition(":")
    checksum = hashlib.new(algorithm) if algorithm in _ALGORITHMS else None
    async for chunk in chunks:
        size -= len(chunk)
        if size < 0:
            break
        if checksum:
            checksum.update(chunk)
        yield chunk
    if size or not checksum or checksum.hexdigest() != expected:
        raise WrongContentError(digest)


class ArchiveReader:
    """Reads an archive while its bytes arrive: first `contents`, then `blobs`, then `rest`."""

    def __init__(self, chunks: AsyncIterator[bytes]) -> None:
        self._chunks, self._buffer = chunks, bytearray()
        self._sha256, self._md5 = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
        self._next: tarfile.TarInfo | None = None
        self.read = 0
        """Bytes that have arrived."""

    async def contents(self) -> ArchiveContents:
        """References and manifests; each manifest is verified by its digest."""
        bodies: dict[str, bytes] = {}
        named = set[str]()
        while (entry := await self._entry()) and not _is_blob(entry, bodies, named):
            if sum(map(len, bodies.values())) + entry.size > _MAX_IN_MEMORY:
                raise BadArchiveError("its index is too large")
            bodies[entry.name] = await self._exactly(entry.size)
            await self._exactly(len(_padding(entry.size)))
            named |= _children(bodies[entry.name])
        self._next = entry
        try:
            index = json.loads(bodies["index.json"])["manifests"]
            contents = ArchiveContents({each["annotations"][REFERENCE]: each["digest"] for each in index})
            for each in index:
                _gather(contents, bodies, each)
                contents.required_blobs(each["digest"])
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise BadArchiveError("its index or a manifest is not valid") from error
        return contents

    async def blobs(self) -> AsyncIterator[tuple[str, int, AsyncIterator[bytes]]]:
        """Digest, size and bytes of every blob; read the bytes completely before the next blob."""
        entry = self._next
        while entry:
            yield _digest(entry.name), entry.size, self._bytes(entry.size)
            await self._exactly(len(_padding(entry.size)))
            entry = await self._entry()

    async def rest(self) -> tuple[str, bytes]:
        """Read to the end; returns the SHA-256 digest and the MD5 hash of the whole archive."""
        self._buffer.clear()
        async for chunk in self._chunks:
            self._count(chunk)
        return f"sha256:{self._sha256.hexdigest()}", self._md5.digest()

    async def _entry(self) -> tarfile.TarInfo | None:
        header = await self._exactly(_BLOCK)
        if not any(header):
            return None
        try:
            info = tarfile.TarInfo.frombuf(header, "utf-8", "surrogateescape")
            if info.type == tarfile.XHDTYPE and info.size < _BLOCK:  # a long name or a large size
                header += await self._exactly(2 * _BLOCK)
            return tarfile.open(fileobj=io.BytesIO(header), mode="r:").next()
        except tarfile.TarError as error:
            raise BadArchiveError("it is not an archive of an export") from error

    async def _bytes(self, size: int) -> AsyncIterator[bytes]:
        while size:
            await self._fill(1)
            chunk = self._take(size)
            size -= len(chunk)
            yield chunk

    async def _exactly(self, count: int) -> bytes:
        await self._fill(count)
        return self._take(count)

    def _take(self, count: int) -> bytes:
        taken = bytes(self._buffer[:count])
        del self._buffer[: len(taken)]
        return taken

    async def _fill(self, count: int) -> None:
        while len(self._buffer) < count:
            try:
                chunk = await anext(self._chunks)
            except StopAsyncIteration:
                raise BadArchiveError("it ends too early") from None
            self._count(chunk)
            self._buffer += chunk

    def _count(self, chunk: bytes) -> None:
        self.read += len(chunk)
        self._sha256.update(chunk)
        self._md5.update(chunk)


def _is_blob(entry: tarfile.TarInfo, bodies: dict[str, bytes], named: set[str]) -> bool:
    """Whether the manifests are complete: the entries so far name every manifest."""
    after_index = "index.json" in bodies and entry.name.startswith("blobs/")
    return after_index and _digest(entry.name) not in named


def _children(body: bytes) -> set[str]:
    """Digests of the manifests in an index; empty for any other content."""
    try:
        content = json.loads(body)
        return {str(each["digest"]) for each in content["manifests"]}
    except (KeyError, TypeError, ValueError):
        return set()


def _gather(contents: ArchiveContents, bodies: dict[str, bytes], descriptor: dict[str, Any]) -> None:
    digest = descriptor["digest"]
    contents.manifests[digest] = manifest = Manifest(descriptor["mediaType"], bodies[_path(digest)])
    if manifest.digest_like(digest) != digest:
        raise WrongContentError(digest)
    for child in manifest.content.get("manifests", []):
        _gather(contents, bodies, child)


def _path(digest: str) -> str:
    return "blobs/" + digest.replace(":", "/")


def _digest(path: str) -> str:
    return path.removeprefix("blobs/").replace("/", ":")


def _header(name: str, size: int) -> bytes:
    entry = tarfile.TarInfo(name)
    entry.size = size
    return entry.tobuf(tarfile.PAX_FORMAT)


def _padding(size: int) -> bytes:
    return b"\0" * (-size % _BLOCK)

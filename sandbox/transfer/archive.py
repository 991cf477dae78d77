"""What the blob between two clouds holds: an OCI image layout in a tar, written and read as a stream.

The layout is the specification's (https://github.com/opencontainers/image-spec/blob/main/image-layout.md).
That it is what travels is the sandbox's own choice; what the service really writes is not published.
The index comes first, then the manifests, then all other blobs: a reader knows what is to come.
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

from sandbox.registry.oci_client import Manifest, WrongContentError

REFERENCE = "org.opencontainers.image.ref.name"
_ALGORITHMS = frozenset({"sha256", "sha512"})
"""https://github.com/opencontainers/image-spec/blob/main/descriptor.md#registered-algorithms"""

_BLOCK = tarfile.BLOCKSIZE
_MOST_IN_MEMORY = 64 << 20
"""Index and manifests are held in memory; an archive that asks for more of it is not one of ours."""


class BadArchiveError(Exception):
    """The bytes are not those of an archive; the message says what is wrong."""


@dataclass
class ArchiveContents:
    """What one archive carries: manifests, what they name, and the references that they go by."""

    references: dict[str, str] = field(default_factory=dict)
    """Artifact as asked for (`repository:tag` or `repository@digest`) to its digest."""

    manifests: dict[str, Manifest] = field(default_factory=dict)
    """By digest; children of indexes are among them."""

    blobs: dict[str, tuple[str, int]] = field(default_factory=dict)
    """Digest to a repository that holds the blob, and its size."""

    def add(self, other: ArchiveContents) -> None:
        """Take over what another archive would carry."""
        self.references |= other.references
        self.manifests |= other.manifests
        self.blobs = other.blobs | self.blobs

    def below(self, digest: str) -> Iterator[str]:
        """A manifest's digest and those of all manifests under it, children first."""
        for child in self.manifests[digest].children:
            yield from self.below(child)
        yield digest

    def parents_first(self) -> list[str]:
        """Digests of all manifests, an index before those that it names."""
        roots = sorted(set(self.references.values()))
        return list(dict.fromkeys(each for root in roots for each in reversed(list(self.below(root)))))

    def needed(self, digest: str) -> dict[str, int]:
        """Digest and size of all blobs that a manifest needs, its children's among them."""
        found: dict[str, int] = {}
        for each in self.below(digest):
            found |= self.manifests[each].blobs
        return found

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

    @property
    def size(self) -> int:
        """Bytes of all blobs."""
        return sum(size for _, size in self.blobs.values())


class Blobs(Protocol):
    """Reads a blob of a repository; a registry client's `blob` fits."""

    def __call__(self, repository: str, digest: str) -> AsyncIterator[bytes]:
        """The blob's bytes, chunk by chunk."""


async def written(contents: ArchiveContents, read: Blobs) -> AsyncIterator[bytes]:
    """The archive's bytes, in an order and with times that make equal contents equal bytes.

    Raises WrongContentError after the last byte of a blob that is not what its digest says.
    """
    small = {"oci-layout": b'{"imageLayoutVersion":"1.0.0"}', "index.json": contents.index()}
    small |= {_place(digest): contents.manifests[digest].body for digest in contents.parents_first()}
    for name, body in small.items():
        yield _header(name, len(body)) + body + _padding(len(body))
    for digest, (repository, size) in sorted(contents.blobs.items()):
        yield _header(_place(digest), size)
        async for chunk in proved(read(repository, digest), digest, size):
            yield chunk
        yield _padding(size)
    yield b"\0" * _BLOCK * 2


async def proved(chunks: AsyncIterator[bytes], digest: str, size: int) -> AsyncIterator[bytes]:
    """The same bytes; WrongContentError where there are too many, or at the end where they are others."""
    proof, left = Proof(digest), size
    async for chunk in proof.over(chunks):
        left -= len(chunk)
        if left < 0:
            break
        yield chunk
    if left or not proof.good:
        raise WrongContentError(digest)


class Proof:
    """Bytes on their way, held against a digest."""

    def __init__(self, digest: str) -> None:
        algorithm, _, self._expected = digest.partition(":")
        self._seen = hashlib.new(algorithm) if algorithm in _ALGORITHMS else None

    async def over(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """The same bytes."""
        async for chunk in chunks:
            if self._seen:
                self._seen.update(chunk)
            yield chunk

    @property
    def good(self) -> bool:
        """Whether what went by so far is what the digest names; never where nobody knows its algorithm."""
        return self._seen is not None and self._seen.hexdigest() == self._expected


class ArchiveReader:
    """An archive read as its bytes arrive: first `contents`, then every blob in turn."""

    def __init__(self, chunks: AsyncIterator[bytes]) -> None:
        self._chunks, self._held = chunks, bytearray()
        self._sha256, self._md5 = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
        self._next: tarfile.TarInfo | None = None
        self.read = 0
        """Bytes that have arrived."""

    async def contents(self) -> ArchiveContents:
        """References and manifests, each manifest proved by its digest."""
        bodies: dict[str, bytes] = {}
        named = set[str]()
        while (entry := await self._entry()) and not _is_blob(entry, bodies, named):
            if sum(map(len, bodies.values())) + entry.size > _MOST_IN_MEMORY:
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
                contents.needed(each["digest"])
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise BadArchiveError("its index or a manifest makes no sense") from error
        return contents

    async def blobs(self) -> AsyncIterator[tuple[str, int, AsyncIterator[bytes]]]:
        """Digest, size and bytes of every blob; the bytes must be read to their end before the next."""
        entry = self._next
        while entry:
            yield _digest(entry.name), entry.size, self._bytes(entry.size)
            await self._exactly(len(_padding(entry.size)))
            entry = await self._entry()

    async def rest(self) -> tuple[str, bytes]:
        """Read to the end; the digest of the whole archive, and its MD5."""
        self._held.clear()
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
            raise BadArchiveError("it is no archive of an export") from error

    async def _bytes(self, size: int) -> AsyncIterator[bytes]:
        while size:
            await self._fill(1)
            chunk = bytes(self._held[:size])
            del self._held[: len(chunk)]
            size -= len(chunk)
            yield chunk

    async def _exactly(self, count: int) -> bytes:
        await self._fill(count)
        found = bytes(self._held[:count])
        del self._held[:count]
        return found

    async def _fill(self, count: int) -> None:
        while len(self._held) < count:
            try:
                chunk = await anext(self._chunks)
            except StopAsyncIteration:
                raise BadArchiveError("it ends too early") from None
            self._count(chunk)
            self._held += chunk

    def _count(self, chunk: bytes) -> None:
        self.read += len(chunk)
        self._sha256.update(chunk)
        self._md5.update(chunk)


def _is_blob(entry: tarfile.TarInfo, bodies: dict[str, bytes], named: set[str]) -> bool:
    """Whether the manifests are over: what comes before has named every one of them."""
    after_index = "index.json" in bodies and entry.name.startswith("blobs/")
    return after_index and _digest(entry.name) not in named


def _children(body: bytes) -> set[str]:
    """Digests of the manifests that an index names; none where it is no index."""
    try:
        content = json.loads(body)
        return {str(each["digest"]) for each in content["manifests"]}
    except (KeyError, TypeError, ValueError):
        return set()


def _gather(contents: ArchiveContents, bodies: dict[str, bytes], descriptor: dict[str, Any]) -> None:
    digest = descriptor["digest"]
    contents.manifests[digest] = manifest = Manifest(descriptor["mediaType"], bodies[_place(digest)])
    if manifest.digest_like(digest) != digest:
        raise WrongContentError(digest)
    for child in manifest.content.get("manifests", []):
        _gather(contents, bodies, child)


def _place(digest: str) -> str:
    return "blobs/" + digest.replace(":", "/")


def _digest(place: str) -> str:
    return place.removeprefix("blobs/").replace("/", ":")


def _header(name: str, size: int) -> bytes:
    entry = tarfile.TarInfo(name)
    entry.size = size
    return entry.tobuf(tarfile.PAX_FORMAT)


def _padding(size: int) -> bytes:
    return b"\0" * (-size % _BLOCK)

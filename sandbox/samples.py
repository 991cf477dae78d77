"""Generated sample content with the same bytes and digests on every machine."""

import hashlib
import io
import json
import random
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from sandbox.registry.oci_client import Manifest, digest_of

_SIGNATURE = "application/vnd.dev.cosign.simplesigning.v1+json"
_OCI = "application/vnd.oci.image"
_CREATED = "2026-01-01T00:00:00Z"
_SERVICES = ("api", "auth", "billing", "cart", "catalog", "gateway", "mail", "orders", "search", "web")


@dataclass(frozen=True)
class Sample:
    """One manifest with its blobs and its tag."""

    repository: str
    manifest: Manifest
    blobs: tuple[bytes, ...] = ()
    tag: str = ""
    """Empty for a manifest without a tag."""

    listed: str = ""
    """Its entry in the source stack's artifacts; empty if it belongs to another artifact."""


def samples() -> Iterator[Sample]:
    """All samples in the order of their dependencies."""
    yield from _services()
    yield from _large_images()
    yield from _multi_architecture()
    yield from _signed()
    yield _chart()
    yield _by_digest()


def artifacts() -> list[str]:
    """The artifacts of the source stack."""
    return sorted(sample.listed for sample in samples() if sample.listed)


def _services() -> Iterator[Sample]:
    """Fifty small images: ten services with five versions each, which share a base layer."""
    base = _layer("base", 256 << 10)
    for service in _SERVICES:
        for minor in range(5):
            layers = (base, _layer(f"{service}-{minor}", 4 << 10))
            yield _image(f"shop/{service}", f"1.{minor}.0", layers)


def _large_images() -> Iterator[Sample]:
    for size in (1, 4, 8, 12, 16, 24):
        yield _image("data/model", f"{size}mb", (_layer(f"model-{size}", size << 20),))


def _multi_architecture() -> Iterator[Sample]:
    """A multi-architecture image: an index of two manifests."""
    children = []
    for architecture in ("amd64", "arm64"):
        layers = (_layer(f"agent-{architecture}", 512 << 10),)
        child = _image("platform/agent", "", layers, architecture=architecture)
        platform = {"architecture": architecture, "os": "linux"}
        children.append({**_descriptor(child.manifest), "platform": platform})
        yield child
    yield _index("platform/agent", "2.0", children)


def _signed() -> Iterator[Sample]:
    """An image with a signature and an SBOM as referrers, and their index by the referrers tag schema.

    https://github.com/opencontainers/distribution-spec/blob/main/spec.md#referrers-tag-schema
    """
    image = _image("secure/vault-agent", "3.1", (_layer("vault-agent", 1 << 20),))
    yield image
    signed = {"critical": {"image": {"docker-manifest-digest": image.manifest.digest}}, "optional": None}
    bill = {
        "spdxVersion": "SPDX-2.3",
        "name": "vault-agent",
        "packages": [{"name": "vault", "versionInfo": "3.1"}],
    }
    entries = []
    for kind, layer_type, content in (
        ("application/vnd.dev.cosign.artifact.sig.v1+json", _SIGNATURE, signed),
        ("application/spdx+json", "application/spdx+json", bill),
    ):
        manifest, blobs = _artifact(
            layer_type, _json(content), artifactType=kind, subject=_descriptor(image.manifest)
        )
        yield Sample("secure/vault-agent", manifest, blobs, listed=f"secure/vault-agent@{manifest.digest}")
        entries.append({**_descriptor(manifest), "artifactType": kind})
    yield _index("secure/vault-agent", image.manifest.digest.replace(":", "-"), entries)


def _chart() -> Sample:
    """An OCI artifact that is not an image: a Helm chart (https://helm.sh/docs/topics/registries/)."""
    manifest, blobs = _artifact(
        "application/vnd.cncf.helm.chart.content.v1.tar+gzip",
        _layer("chart", 2 << 10),
        config=("application/vnd.cncf.helm.config.v1+json", _json({"name": "shop", "version": "1.0.0"})),
    )
    return Sample("charts/shop", manifest, blobs, "1.0.0", "charts/shop:1.0.0")


def _by_digest() -> Sample:
    """An image that is listed by its digest, although it has a tag."""
    image = _image("tools/probe", "1.0", (_layer("probe", 64 << 10),))
    return Sample(
        image.repository, image.manifest, image.blobs, "1.0", f"tools/probe@{image.manifest.digest}"
    )


def _image(repository: str, tag: str, layers: tuple[bytes, ...], architecture: str = "amd64") -> Sample:
    rootfs = {"type": "layers", "diff_ids": [digest_of(layer) for layer in layers]}
    config = _json(
        {"architecture": architecture, "os": "linux", "created": _CREATED, "rootfs": rootfs, "config": {}}
    )
    manifest = _manifest(
        "manifest",
        config=_blob(f"{_OCI}.config.v1+json", config),
        layers=[_blob(f"{_OCI}.layer.v1.tar", layer) for layer in layers],
    )
    return Sample(repository, manifest, (config, *layers), tag, f"{repository}:{tag}" if tag else "")


def _artifact(
    layer_type: str,
    layer: bytes,
    config: tuple[str, bytes] = ("application/vnd.oci.empty.v1+json", b"{}"),
    **fields: object,
) -> tuple[Manifest, tuple[bytes, ...]]:
    """The manifest and blobs of an OCI artifact with one layer."""
    layers = [_blob(layer_type, layer)]
    return _manifest("manifest", config=_blob(*config), layers=layers, **fields), (config[1], layer)


def _index(repository: str, tag: str, manifests: list[dict[str, object]]) -> Sample:
    return Sample(repository, _manifest("index", manifests=manifests), (), tag, f"{repository}:{tag}")


def _manifest(kind: str, **fields: object) -> Manifest:
    media_type = f"{_OCI}.{kind}.v1+json"
    return Manifest(media_type, _json({"schemaVersion": 2, "mediaType": media_type, **fields}))


def _descriptor(manifest: Manifest) -> dict[str, object]:
    return _blob(manifest.media_type, manifest.body)


def _blob(media_type: str, body: bytes) -> dict[str, object]:
    return {"mediaType": media_type, "digest": digest_of(body), "size": len(body)}


@cache
def _layer(name: str, size: int) -> bytes:
    """A layer with one incompressible file, generated from the layer's name."""
    seed = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big")
    body = random.Random(seed).randbytes(size)
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w", format=tarfile.PAX_FORMAT) as layer:
        entry = tarfile.TarInfo(f"opt/{name}.bin")
        entry.size = size
        layer.addfile(entry, io.BytesIO(body))
    return archive.getvalue()


def _json(content: object) -> bytes:
    return json.dumps(content, separators=(",", ":"), sort_keys=True).encode()

"""The limits of requests to a registry, and of the content that is read from it."""

from dataclasses import dataclass

from acr_transfer.http_limits import HttpLimits


@dataclass(frozen=True, kw_only=True)
class RegistryLimits(HttpLimits):
    """The limits of one registry. A registry that exceeds one ends the command with `BrokenAnswerError`."""

    slowest_blob: int
    """Bytes a second of a blob: its request may take `total` seconds and the time for its size."""

    pages: int
    """Pages of one list."""

    names: int
    """Entries of one list."""

    depth: int
    """Levels of indexes below an index."""

    descendants: int
    """Manifests below one index."""

    descriptors: int
    """Descriptors of all manifests that are kept in memory at the same time."""


LIMITS = RegistryLimits(
    # https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pushing-manifests
    body=4 * 1024 * 1024,
    connect=30,
    idle=60,
    total=120,
    slowest_blob=16 * 1024,
    pages=10_000,
    names=1_000_000,
    depth=16,
    descendants=5_000,
    descriptors=1_000_000,
)

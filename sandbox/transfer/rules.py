"""The rules of ACR Transfer that exports and imports share, and the words in which a run fails.

https://learn.microsoft.com/azure/container-registry/container-registry-transfer-images
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

import aiohttp
from azure.core.exceptions import AzureError, HttpResponseError, ResourceNotFoundError
from azure.storage.blob.aio import ContainerClient

from sandbox.cloud.store import Json
from sandbox.http import azure_errors

CATEGORY = {"category": "acr-transfer-blob"}
"""What the source trigger looks for in a blob's metadata."""

MOST_ARTIFACTS = 50
LARGEST_LAYER = 8 << 30
"""https://learn.microsoft.com/azure/container-registry/container-registry-transfer-troubleshooting"""

OVERWRITE_BLOBS = "OverwriteBlobs"
OVERWRITE_TAGS = "OverwriteTags"
DELETE_SOURCE = "DeleteSourceBlobOnSuccess"
CONTINUE = "ContinueOnErrors"


class TransferFailedError(Exception):
    """A run failed; the message is what `pipelineRunErrorMessage` says."""


@dataclass(frozen=True)
class Run:
    """One run, as its pipeline and its request ask for it."""

    registry: str
    """The registry's name, for messages."""

    blob: str
    artifacts: tuple[str, ...] = ()
    options: frozenset[str] = frozenset()
    catalog_digest: str = ""
    """What the archive's digest must be; empty where the request does not say."""

    skip_existing: bool = False
    """Whether a blob or tag that may not be overwritten is left alone, instead of failing the run."""

    def has(self, option: str) -> bool:
        """Whether the pipeline has an option, in whatever case it was sent."""
        return option.lower() in {each.lower() for each in self.options}


@dataclass
class TransferOutcome:
    """What a run did."""

    artifacts: list[str] = field(default_factory=list)
    catalog_digest: str = ""
    warnings: list[str] = field(default_factory=list)
    """What went wrong without failing the run."""

    partial: bool = False
    """Whether ContinueOnErrors left artifacts behind."""


class Storage(Protocol):
    """Opens the pipeline's container with what its vault secret holds, as its identity."""

    async def __call__(self) -> ContainerClient:
        """The container, or TransferFailedError."""


@dataclass(frozen=True)
class RunProgress:
    """What a run writes down while it works, so that it can be told of, and taken up after a crash."""

    progress: Callable[[int], None]
    """Percent."""

    reached: dict[str, str]
    """What an interrupted run had reached; empty for a new one."""

    reach: Callable[[dict[str, str]], None]
    """Remember a point that must not be passed twice; durable when it returns."""


def refuse_unfit(registry: Json, *, exports: bool) -> None:
    """Transfer needs the Premium tier, and an export that the registry lets something out."""
    if registry["sku"]["name"] != "Premium":
        raise azure_errors.AzureError("SkuNotSupported", sku=registry["sku"]["name"])
    policy = (registry["properties"]["policies"].get("exportPolicy") or {}).get("status") or ""
    if exports and policy.lower() == "disabled":
        raise azure_errors.AzureError("ExportsDisabled", registry=registry["name"])


def split(artifact: str) -> tuple[str, str]:
    """Repository and tag or digest; without either it is `latest`."""
    repository, at, digest = artifact.partition("@")
    if at:
        return repository, digest
    repository, _, tag = artifact.partition(":")
    return repository, tag or "latest"


def is_digest(reference: str) -> bool:
    """Whether a reference is a digest: a tag holds no colon."""
    return ":" in reference


@contextmanager
def storage_failures() -> Iterator[None]:
    """Turn a failure of storage into that of the run."""
    try:
        yield
    except AzureError as error:
        raise TransferFailedError(storage_words(error)) from error


@contextmanager
def registry_failures(registry: str) -> Iterator[None]:
    """Turn a failure of a registry into that of the run."""
    try:
        yield
    except (aiohttp.ClientError, TimeoutError) as error:
        raise TransferFailedError(registry_words(registry, error)) from error


def registry_words(registry: str, error: Exception) -> str:
    """What a run says of a failure of a registry."""
    if isinstance(error, aiohttp.ClientResponseError):
        return f"Failed to access registry '{registry}'.  Status: {error.status} ({error.message})"
    return f"Failed to access registry '{registry}'.  The connection was lost ({type(error).__name__})."


def storage_words(error: AzureError) -> str:
    """What a run says of a failure of storage; the request's address, which holds the SAS, is not in it."""
    code = getattr(error, "error_code", None)
    code = getattr(code, "value", code)  # the client has an enumeration of the codes that it knows
    if isinstance(error, ResourceNotFoundError):
        return f"Failed to access storage.  Service request failed.  Status: 404 ({code or 'BlobNotFound'})"
    if isinstance(error, HttpResponseError) and error.status_code:
        reason = code or error.reason
        return f"Failed to access storage.  Service request failed.  Status: {error.status_code} ({reason})"
    return f"Failed to access storage.  The connection was lost ({type(error).__name__})."


def listed(names: list[str]) -> str:
    """Names in quotes, in order."""
    return ", ".join(f"'{name}'" for name in sorted(names))

"""What can go wrong, one exit code a kind, and what a failed request to Azure means for the person who typed.

A library's exception can carry a signed request. None is shown or chained: status, error code and host are.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from acr_transfer.model.errors import ModelError

if TYPE_CHECKING:
    from azure.core.exceptions import AzureError

# Azure's libraries take a second to load: they are imported where a failure of theirs can come from.


class TransferError(Exception):
    """The command cannot go on; the message says which thing, what was expected, and what to do."""

    exit_code = 1


class NotProvedError(TransferError):
    """At least one artifact is missing at the target, differs there, or cannot be proved."""

    exit_code = 3


class StackError(TransferError):
    """A stack cannot be read, was never deployed, or lacks what the command needs."""

    exit_code = 4


class NothingExportedError(TransferError):
    """There is no blob to carry, or one that the import would not take."""

    exit_code = 5


class AccessError(TransferError):
    """Nobody is logged in, or who is lacks a right."""

    exit_code = 6


class MissingError(TransferError):
    """Something that should be there is not: a container, a storage account, a registry."""

    exit_code = 7


class CopyError(TransferError):
    """A blob was not copied: its content, or what became of it, is not what it should be."""

    exit_code = 8


class ServiceError(TransferError):
    """A service cannot be reached, or answers something unexpected."""

    exit_code = 9


class BrokenAnswerError(ServiceError):
    """An answer that ended early, or is not of the kind that was asked for."""


class MissingBlobError(ServiceError):
    """A blob that a manifest names is not in its registry."""


class DiskError(TransferError):
    """A disk is too small, full, or cannot be written or read."""

    exit_code = 15


class InputError(TransferError):
    """A file that the user gave is not what it should be."""

    exit_code = 10


class PlanError(TransferError):
    """What was asked for is not there, or must not move as it is."""

    exit_code = 11


class LocksDifferError(TransferError):
    """Two locks that were compared are not the same."""

    exit_code = 12


class RunFailedError(TransferError):
    """A pipeline is gone, or a run failed and nothing has mended it since."""

    exit_code = 13


class DoctorError(TransferError):
    """Something would make a transfer fail."""

    exit_code = 14


FAILURES = (TransferError, ModelError)
"""The errors with a message for the user. A `ModelError` is a fault of a file or text that the user gave."""


def exit_code(failure: Exception) -> int:
    """Return the exit code of one of `FAILURES`."""
    return failure.exit_code if isinstance(failure, TransferError) else InputError.exit_code


def host(url: str) -> str:
    """Host and port of a URL: all of it that may be shown."""
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)


@contextmanager
def explained(doing: str, where: str, *, needs: str = "") -> Iterator[None]:
    """Turn what Azure's libraries raise inside into a `TransferError`.

    `doing` is what was tried ("reading blob b1"), `where` the host, `needs` the right that it takes.
    """
    try:
        yield
    except Exception as error:
        # Where nobody loaded the library, no failure can be the library's.
        if "azure.core.exceptions" not in sys.modules:
            raise
        from azure.core.exceptions import AzureError

        if isinstance(error, AzureError):
            raise _meaning(error, f"{doing} at {where}", needs) from None
        raise


def _meaning(error: AzureError, tried: str, needs: str) -> TransferError:
    status = getattr(error, "status_code", None)
    answer = f"HTTP {status} {error_code(error)}".strip()
    # azure-identity raises its refusals without a response; a service's refusal has one.
    if status is None and type(error).__name__ in ("ClientAuthenticationError", "CredentialUnavailableError"):
        return AccessError(
            f"{tried}: no login that this cloud accepts. "
            "Run `az login`, or set up another login of azure-identity."
        )
    if status is None:
        return ServiceError(f"{tried}: no answer ({_reason(error)}). Is it up, and reachable from here?")
    if status in (401, 403):
        return AccessError(f"{tried}: refused ({answer})." + (f" The caller needs {needs}." if needs else ""))
    if status == 404:
        return MissingError(f"{tried}: not there ({answer}).")
    return ServiceError(f"{tried}: unexpected answer ({answer}). Try again; nothing was left half done.")


def error_code(error: AzureError) -> str:
    """The error code that the service gave, like `ContainerNotFound`; empty if it gave none."""
    from azure.core.exceptions import HttpResponseError

    if not isinstance(error, HttpResponseError):
        return ""
    code = getattr(error, "error_code", None) or getattr(error.error, "code", None) or ""
    return str(getattr(code, "value", code))


def _reason(error: AzureError) -> str:
    from aiohttp import ClientConnectorCertificateError
    from azure.core.exceptions import ServiceRequestTimeoutError, ServiceResponseTimeoutError

    # Only known causes are spelled out: the text of an unknown one may hold the request.
    inner = error.inner_exception
    if isinstance(inner, ClientConnectorCertificateError):
        return "its certificate is not trusted here; SSL_CERT_FILE names the trusted ones"
    if isinstance(inner, OSError) and inner.strerror:
        return inner.strerror
    if isinstance(error, (ServiceRequestTimeoutError, ServiceResponseTimeoutError)):
        return "timed out"
    return type(inner or error).__name__

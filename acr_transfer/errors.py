"""The command's errors and their exit codes, and messages for failed requests to Azure.

A library's exception can contain a signed request. It is never shown or chained: only the status, the error
code and the host are.
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

# Azure's libraries take a second to load, so only functions import them.


class TransferError(Exception):
    """The command cannot continue. The message names the cause and the fix."""

    exit_code = 1


class NotProvedError(TransferError):
    """An artifact is missing at the target, differs there, or cannot be proved."""

    exit_code = 3


class StackError(TransferError):
    """A stack cannot be read, was never deployed, or lacks an output."""

    exit_code = 4


class NothingExportedError(TransferError):
    """No blob was exported, or the import would reject a blob."""

    exit_code = 5


class AccessError(TransferError):
    """The caller is not logged in, or lacks a permission."""

    exit_code = 6


class MissingError(TransferError):
    """A container, a storage account, a registry or a cloud does not exist."""

    exit_code = 7


class CopyError(TransferError):
    """A blob was not copied, or differs from the source."""

    exit_code = 8


class ServiceError(TransferError):
    """A service is unreachable, or returned an unexpected response."""

    exit_code = 9


class BrokenAnswerError(ServiceError):
    """A response that ended early, or is not of the requested kind."""


class MissingBlobError(ServiceError):
    """A blob of a manifest is missing in the registry."""


class DiskError(TransferError):
    """A disk is too small, full, or cannot be written or read."""

    exit_code = 15


class InputError(TransferError):
    """An input file is invalid."""

    exit_code = 10


class PlanError(TransferError):
    """A requested artifact does not exist, or has a warning with `--strict`."""

    exit_code = 11


class LocksDifferError(TransferError):
    """The two compared locks differ."""

    exit_code = 12


class RunFailedError(TransferError):
    """A pipeline does not exist, or a run failed and no later run succeeded."""

    exit_code = 13


class DoctorError(TransferError):
    """A fault would make a transfer fail."""

    exit_code = 14


FAILURES = (TransferError, ModelError)
"""The errors with a message for the user. A `ModelError` is a fault of an input file or text."""


def exit_code(failure: Exception) -> int:
    """Return the exit code of one of `FAILURES`."""
    return failure.exit_code if isinstance(failure, TransferError) else InputError.exit_code


def host(url: str) -> str:
    """Host and port of a URL, the parts that messages may show."""
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)


@contextmanager
def explained(doing: str, where: str, *, needs: str = "") -> Iterator[None]:
    """Turn errors of Azure's libraries into a `TransferError`.

    `doing` is the operation ("reading blob b1"), `where` the host, `needs` the required permission.
    """
    try:
        yield
    except Exception as error:
        # An error cannot come from a library that is not loaded.
        if "azure.core.exceptions" not in sys.modules:
            raise
        from azure.core.exceptions import AzureError

        if isinstance(error, AzureError):
            raise _meaning(error, f"{doing} at {where}", needs) from None
        raise


def _meaning(error: AzureError, tried: str, needs: str) -> TransferError:
    status = getattr(error, "status_code", None)
    answer = f"HTTP {status} {error_code(error)}".strip()
    # azure-identity raises refused logins without a response; a service's error has one.
    if status is None and type(error).__name__ in ("ClientAuthenticationError", "CredentialUnavailableError"):
        return AccessError(
            f"{tried}: this cloud accepts no available login. "
            "Run `az login`, or set up another login of azure-identity."
        )
    if status is None:
        return ServiceError(f"{tried}: no response ({_reason(error)}). Check the network and the proxy.")
    if status in (401, 403):
        return AccessError(f"{tried}: refused ({answer})." + (f" The caller needs {needs}." if needs else ""))
    if status == 404:
        return MissingError(f"{tried}: not found ({answer}).")
    return ServiceError(f"{tried}: unexpected response ({answer}). Try again; no incomplete result was left.")


def error_code(error: AzureError) -> str:
    """The service's error code, like `ContainerNotFound`; empty if it has none."""
    from azure.core.exceptions import HttpResponseError

    if not isinstance(error, HttpResponseError):
        return ""
    code = getattr(error, "error_code", None) or getattr(error.error, "code", None) or ""
    return str(getattr(code, "value", code))


def _reason(error: AzureError) -> str:
    from aiohttp import ClientConnectorCertificateError
    from azure.core.exceptions import ServiceRequestTimeoutError, ServiceResponseTimeoutError

    # Only known causes are described: the text of another error may contain the request.
    inner = error.inner_exception
    if isinstance(inner, ClientConnectorCertificateError):
        return "its certificate is not trusted; SSL_CERT_FILE sets the trusted certificates"
    if isinstance(inner, OSError) and inner.strerror:
        return inner.strerror
    if isinstance(error, (ServiceRequestTimeoutError, ServiceResponseTimeoutError)):
        return "timed out"
    return type(inner or error).__name__

"""The command's errors and their exit codes, and messages for failed requests to Azure.

A library's exception can contain a signed request. It is never shown or chained: only the status, the error
code and the host are.
"""

import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

from acr_transfer.model.errors import ModelError
from acr_transfer.model.failures.commands import NO_LOGIN, UNEXPECTED_RESPONSE
from acr_transfer.model.failures.failure import Cause, Failure
from acr_transfer.model.failures.steps import Known
from acr_transfer.model.roles import RoleAssignmentMode, reading_role
from acr_transfer.model.visible_text import visible_line
from acr_transfer.retry import TRANSIENT

if TYPE_CHECKING:
    from azure.core.exceptions import AzureError

# Azure's libraries take a second to load, so only functions import them.


class TransferError(Exception):
    """The command cannot continue. The message names the cause and the fix.

    Each direct subclass has its own exit code, and its docstring describes the code in `--help`.
    """

    exit_code = 1

    failure: Failure | None = None
    """The entry with the ways out; None for an error whose message has its own fix."""

    known: Known = MappingProxyType({})
    """The names for the commands of the ways out, besides those of the stacks."""

    def led_out(self, failure: Failure, **known: str) -> Self:
        """Return the error with the ways out of a failure."""
        self.failure, self.known = failure, known
        return self

    def advice(self, stacks: Known) -> str:
        """The ways out, with one line for each command; `stacks` has the names of both stacks by side."""
        return Cause(self.failure, {**stacks, **self.known}).advice() if self.failure else ""

    def __init_subclass__(cls, exit_code: int | None = None) -> None:
        cls.exit_code = cls.exit_code if exit_code is None else exit_code


class NotProvedError(TransferError, exit_code=3):
    """Prove: an artifact is not proved; review: a stack was not reviewed completely."""


class StackError(TransferError, exit_code=4):
    """A stack cannot be read, was never deployed, or lacks an output."""


class NothingExportedError(TransferError, exit_code=5):
    """Hop: no blob was exported, or the import would reject a blob."""


class AccessError(TransferError, exit_code=6):
    """Not logged in, or a permission is missing."""


class LoginError(AccessError):
    """No login of this machine is accepted, so that no permission matters."""


class MissingError(TransferError, exit_code=7):
    """A container, storage account, registry or cloud does not exist."""


class CopyError(TransferError, exit_code=8):
    """Hop, pack, unpack: a blob was not copied, or differs from the source."""


class RegistryAccessError(AccessError):
    """A registry refused the caller.

    Only Resource Manager shows which roles the registry honors: `azure.connect.registry` adds the command
    that assigns the right one.
    """

    def __init__(self, refused: str, login_server: str, *, lists: bool) -> None:
        self.refused = refused
        """What the registry refused."""

        self.login_server = login_server
        self.lists = lists
        """Whether it refused the list of all repositories."""

        legacy, abac = (reading_role(mode, lists=lists).label for mode in RoleAssignmentMode)
        super().__init__(
            f"{refused}. The caller needs permission to pull from {login_server} (role {legacy}; if the "
            f"registry's roleAssignmentMode is {RoleAssignmentMode.ABAC}, the role {abac})."
        )


class ServiceError(TransferError, exit_code=9):
    """A service is unreachable or returned an unexpected response."""

    is_final = False
    """Whether no later attempt can succeed."""


class UntrustedServiceError(ServiceError):
    """The certificate of a service is not trusted."""

    is_final = True

    def __init__(self, where: str) -> None:
        super().__init__(
            f"{where}: its certificate is not trusted; SSL_CERT_FILE names the trusted certificates"
        )


class BrokenAnswerError(ServiceError):
    """A response that ended early, or is not of the requested kind."""


class InterruptedAnswerError(BrokenAnswerError):
    """A body that ended early or did not arrive in time: the next one may be complete."""


class RefusedManifestError(ServiceError):
    """A registry answered the request for one manifest or list with a status that is an error."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status
        """The HTTP status."""

        self.is_final = status not in TRANSIENT


class ContradictoryManifestError(BrokenAnswerError):
    """A manifest whose body and media type describe different kinds: clients disagree on its content."""


class MissingBlobError(ServiceError):
    """A blob of a manifest is missing in the registry."""


class InputError(TransferError, exit_code=10):
    """An input file is invalid: rules, a lock, a hand-over, a receipt, a log file."""


class PlanError(TransferError, exit_code=11):
    """Plan: an artifact is absent, locked, or (--strict) has a warning; ship: a planned tag has moved."""


class LocksDifferError(TransferError, exit_code=12):
    """Plan --diff: the two locks differ."""


class RunFailedError(TransferError, exit_code=13):
    """Status: a run failed, and no later run succeeded."""


class DoctorError(TransferError, exit_code=14):
    """Doctor: a fault would make a transfer fail."""


class DiskError(TransferError, exit_code=15):
    """Pack, unpack: a disk is too small, full, or cannot be written or read."""


REQUEST_IDS = ("x-ms-correlation-request-id", "x-ms-request-id")
"""The headers of a response with the ID that Azure's support asks for, in order of preference.

https://learn.microsoft.com/azure/azure-resource-manager/management/request-limits-and-throttling
https://learn.microsoft.com/rest/api/storageservices/troubleshooting-api-operations
"""

FAILURES = (TransferError, ModelError)
"""The errors with a message for the user. A `ModelError` is a fault of an input file or text."""


def exit_code(failure: Exception) -> int:
    """Return the exit code of one of `FAILURES`."""
    return failure.exit_code if isinstance(failure, TransferError) else InputError.exit_code


def internal_error(error: Exception) -> str:
    """Return the message of a defect: its kind and place. The error's own text may contain a request."""
    places = [
        place for place in traceback.extract_tb(error.__traceback__) if "acr_transfer" in place.filename
    ]
    where = f" in {Path(places[-1].filename).name}, line {places[-1].lineno}" if places else ""
    return (
        f"internal error: {type(error).__name__}{where}. This is a defect: report it with the file that "
        "--log-file writes."
    )


def host(url: str) -> str:
    """Host and port of a URL, the parts that messages may show; `an invalid URL` for any other text."""
    try:
        parts = urlsplit(url)
        return visible_line(f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname))
    except ValueError:
        return "an invalid URL"


@contextmanager
def explained(doing: str, where: str, *, needs: str = "") -> Iterator[None]:
    """Turn errors of Azure's libraries into a `TransferError`.

    `doing` is the operation ("reading blob b1"), `where` the host, `needs` the required permission.
    """
    try:
        yield
    except Exception as error:
        # An error cannot come from a library that is not loaded.
        library = sys.modules.get("azure.core.exceptions")
        if library is not None and isinstance(error, library.AzureError):
            raise _meaning(error, f"{doing} at {where}", needs) from None
        raise


def _meaning(error: "AzureError", tried: str, needs: str) -> TransferError:
    status = getattr(error, "status_code", None)
    answer = f"HTTP {status} {error_code(error)}".strip()
    # azure-identity raises refused logins without a response; a service's error has one.
    if status is None and type(error).__name__ in ("ClientAuthenticationError", "CredentialUnavailableError"):
        return LoginError(
            f"{tried}: this cloud accepts no available login. Log in, or set up another login of "
            "azure-identity."
        ).led_out(NO_LOGIN)
    if status is None:
        return ServiceError(f"{tried}: no response ({_reason(error)}). Check the network and the proxy.")
    if status in (401, 403):
        return AccessError(f"{tried}: refused ({answer})." + (f" The caller needs {needs}." if needs else ""))
    if status == 404:
        return MissingError(f"{tried}: not found ({answer}).")
    return ServiceError(
        f"{tried}: unexpected response ({answer}{_request_of(error)}). No incomplete result was left."
    ).led_out(UNEXPECTED_RESPONSE)


def _request_of(error: "AzureError") -> str:
    return request_id(getattr(getattr(error, "response", None), "headers", None) or {})


def request_id(headers: Mapping[str, str]) -> str:
    """The words with the ID by which Azure's support finds a request; empty if the response has none."""
    found = next((headers[name] for name in REQUEST_IDS if headers.get(name)), "")
    return visible_line(f", request {found}") if found else ""


def error_code(error: "AzureError") -> str:
    """The service's error code, like `ContainerNotFound`; empty if it has none."""
    from azure.core.exceptions import HttpResponseError

    if not isinstance(error, HttpResponseError):
        return ""
    code = getattr(error, "error_code", None) or getattr(error.error, "code", None) or ""
    return visible_line(str(getattr(code, "value", code)))


def _reason(error: "AzureError") -> str:
    import ssl

    from aiohttp import ClientConnectorCertificateError
    from azure.core.exceptions import ServiceRequestTimeoutError, ServiceResponseTimeoutError

    # Only known causes are described: the text of another error may contain the request.
    inner = error.inner_exception
    if isinstance(inner, (ClientConnectorCertificateError, ssl.SSLCertVerificationError)):
        return "its certificate is not trusted; SSL_CERT_FILE sets the trusted certificates"
    if isinstance(inner, OSError) and inner.strerror:
        return inner.strerror
    if isinstance(inner, TimeoutError):
        return "timed out"
    if isinstance(error, (ServiceRequestTimeoutError, ServiceResponseTimeoutError)):
        return "timed out"
    return type(inner or error).__name__

"""The error messages of failed runs."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import aiohttp
from azure.core.exceptions import AzureError, HttpResponseError, ResourceNotFoundError


class TransferFailedError(Exception):
    """A run failed; the message becomes its `pipelineRunErrorMessage`."""


@contextmanager
def transfer_failures(registry: str) -> Iterator[None]:
    """Turn an error of storage or of the registry into a failure of the run."""
    try:
        yield
    except AzureError as error:
        raise TransferFailedError(storage_message(error)) from error
    except (aiohttp.ClientError, TimeoutError) as error:
        detail = f"The connection was lost ({type(error).__name__})."
        if isinstance(error, aiohttp.ClientResponseError):
            detail = f"Status: {error.status} ({error.message})"
        raise TransferFailedError(f"Failed to access registry '{registry}'.  {detail}") from error


def storage_message(error: AzureError) -> str:
    """The message for an error of storage, without the request's URL, which contains the SAS token."""
    code = getattr(error, "error_code", None)
    code = getattr(code, "value", code)  # the client's enumeration of known codes
    if isinstance(error, ResourceNotFoundError):
        return f"Failed to access storage.  Service request failed.  Status: 404 ({code or 'BlobNotFound'})"
    if isinstance(error, HttpResponseError) and error.status_code:
        reason = code or error.reason
        return f"Failed to access storage.  Service request failed.  Status: {error.status_code} ({reason})"
    return f"Failed to access storage.  The connection was lost ({type(error).__name__})."


def quoted(names: Iterable[str]) -> str:
    """Sorted names in quotes."""
    return ", ".join(f"'{name}'" for name in sorted(names))

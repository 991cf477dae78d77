"""Failures of single artifacts: they are collected, and the others are read all the same."""

import re
from collections.abc import Awaitable, Iterable, Mapping
from typing import TypeVar

from acr_transfer.errors import (
    BrokenAnswerError,
    RefusedManifestError,
    RegistryAccessError,
    TransferError,
)
from acr_transfer.retry import TRANSIENT

Answer = TypeVar("Answer")

SINGLE_FAILURES = (RefusedManifestError, RegistryAccessError)
"""Errors that can concern one repository or artifact only."""

_LOCKED = 405
"""The status of a locked manifest, tag or repository.

https://learn.microsoft.com/azure/container-registry/container-registry-image-lock
"""

_MOST_TRANSIENT = 3
"""Artifacts whose requests may fail after all attempts, before the registry itself counts as failed."""

_MANIFEST = re.compile(r"/v2/(.+)/manifests/(.+)")
_REPOSITORY = re.compile(r"/v2/(.+)/(?:tags/list|referrers/.+)")
_AZURE_NAME = re.compile(r"([a-z0-9]+)(?:-[a-z0-9]+)?\.azurecr\.[a-z]+")
"""A login server: it begins with the registry's name."""


def status_error(login_server: str, path: str, status: int) -> RefusedManifestError:
    """Return the error of a response with an unexpected status; `path` has no query.

    A lock is named with the command that removes it.
    """
    name = _named(path)
    if status == _LOCKED and name:
        what, option = name
        registry = found[1] if (found := _AZURE_NAME.fullmatch(login_server)) else "<registry>"
        fix = f"az acr repository update --name {registry} {option} {what} --read-enabled true"
        return RefusedManifestError(f"{what} is locked for reading (HTTP 405). Unlock it: {fix}", status)
    again = " Try again." if status in TRANSIENT else ""
    return RefusedManifestError(f"{login_server} returned HTTP {status} for {path}.{again}", status)


def _named(path: str) -> tuple[str, str] | None:
    """The image or the repository of a request, and the option of `az acr repository` that names it."""
    if found := _MANIFEST.fullmatch(path):
        repository, reference = found.groups()
        return f"{repository}{'@' if ':' in reference else ':'}{reference}", "--image"
    return (found[1], "--repository") if (found := _REPOSITORY.fullmatch(path)) else None


class Unreadable:
    """Artifacts and repositories that a registry does not return, each with its error.

    A registry that fails for several of them is out of order: its error ends the command.
    """

    def __init__(self, errors: Mapping[str, TransferError] | None = None) -> None:
        self.errors = dict(errors or {})
        self._transient = 0

    async def read(self, name: str, answer: Awaitable[Answer]) -> Answer | None:
        """Return the answer to a request for one artifact, or None after its failure.

        Raises the errors that concern the whole registry.
        """
        try:
            return await answer
        except (*SINGLE_FAILURES, BrokenAnswerError) as error:
            self.add(name, error)
            return None

    def add(self, name: str, error: TransferError) -> None:
        """Keep the error of one artifact, or raise it if the registry itself fails."""
        self._transient += name not in self.errors and _is_transient(error)
        self.errors[name] = error
        if self._transient > _MOST_TRANSIENT:
            raise error

    def raise_if_all(self, names: Iterable[str]) -> None:
        """Raise the first error if none of these can be read, and the reason is not a lock."""
        found = [self.errors.get(name) for name in names]
        if found and found[0] and all(error and not is_locked(error) for error in found):
            raise found[0]


def _is_transient(error: TransferError) -> bool:
    return isinstance(error, RefusedManifestError) and not error.is_final


def described(name: str, error: TransferError) -> str:
    """Return why an artifact cannot be read, with its name."""
    reason = summary(error)
    return reason if reason.startswith(name) else f"{name}: {reason}"


def summary(error: TransferError) -> str:
    """Return the reason of one artifact's failure, without the advice that many artifacts share."""
    return error.refused if isinstance(error, RegistryAccessError) else str(error)


def is_locked(error: TransferError) -> bool:
    """Whether a lock of the artifact or of its repository is the reason."""
    return isinstance(error, RefusedManifestError) and error.status == _LOCKED

"""References to artifacts in a registry: their grammar, their limits, and registry hosts before a repository.

https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-manifests
"""

import ipaddress
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

from acr_transfer.model.credentials import quoted
from acr_transfer.model.errors import ModelError

FORMS = "repository, repository:tag or repository@sha256:<64 hex digits>"
"""The forms that a person may write, for messages."""

FULL_FORMS = "repository:tag or repository@sha256:<64 hex digits>"
"""The forms that programs write, for messages."""

REPOSITORY_LIMIT = 255
"""Characters. Docker counts the host too: https://pkg.go.dev/github.com/distribution/reference"""

TAG_LIMIT = 128

_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
REPOSITORY_PATTERN = rf"{_COMPONENT}(?:/{_COMPONENT})*"
TAG_PATTERN = rf"[A-Za-z0-9_][A-Za-z0-9._-]{{0,{TAG_LIMIT - 1}}}"
DIGEST_PATTERN = r"sha256:[0-9a-f]{64}"
REFERENCE_PATTERN = (
    rf"(?=[^:@]{{1,{REPOSITORY_LIMIT}}}[:@]){REPOSITORY_PATTERN}(?::{TAG_PATTERN}|@{DIGEST_PATTERN})"
)
"""A reference in full, as programs write it."""

_REPOSITORY = re.compile(REPOSITORY_PATTERN)
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")
_DIGEST = re.compile(DIGEST_PATTERN)
_HEX = re.compile(r"[0-9a-f]*")
_AZURE_REGISTRY = re.compile(r"[a-z0-9.-]+\.azurecr\.[a-z]+", re.IGNORECASE)
_DIGITS = 64
_LISTED = 10


class InvalidReferenceError(ModelError):
    """A text is not a reference to an artifact; `reason` is the fault and the expectation."""

    def __init__(self, text: str, reason: str) -> None:
        super().__init__(f"{quoted(text)} {reason}")
        self.text = text
        self.reason = reason


@dataclass(frozen=True, order=True)
class Artifact:
    """One manifest of a registry, named by its tag or by its digest, never by both.

    Two artifacts are equal when they name the same thing in the same way: `app` is `app:latest`.
    """

    repository: str
    tag: str = ""
    digest: str = ""
    pinned: str = ""
    """The digest that the lock pins the tag to; empty without a lock."""

    @property
    def reference(self) -> str:
        """The artifact's one spelling: `repository:tag` or `repository@sha256:<64 hex digits>`."""
        return f"{self.repository}@{self.digest}" if self.digest else f"{self.repository}:{self.tag}"

    @property
    def identity(self) -> str:
        """The reference and the pinned digest, if any: a moved tag is another identity."""
        return f"{self.reference} {self.pinned}" if self.pinned else self.reference

    @property
    def pinned_reference(self) -> str:
        """The spelling that `parse_pinned` reads: the reference, and the pinned digest of a tag."""
        return f"{self.reference}@{self.pinned}" if self.pinned and self.tag else self.reference

    @property
    def tag_or_digest(self) -> str:
        """The part of the reference behind the repository, as registries take it in a URL."""
        return self.digest or self.tag

    @classmethod
    def parse(cls, text: str, registry: str = "") -> Self:
        """Read an artifact that a person wrote; without tag and digest it is `latest`.

        `registry` is the name or the login server of the artifact's registry, to recognize a host before the
        repository. Raises `InvalidReferenceError`.
        """
        if fault := _spelling_fault(text) or _host_fault(text, registry):
            raise InvalidReferenceError(text, fault)
        return cls.of(text)

    @classmethod
    def parse_pinned(cls, text: str, registry: str = "") -> Self:
        """Read an artifact as `parse` does, or `repository:tag@sha256:…`, a tag that must have the digest."""
        name, at, digest = text.partition("@")
        if not at or ":" not in name:
            return cls.parse(text, registry)
        found = cls.parse(name, registry)
        if fault := _digest_fault(digest):
            raise InvalidReferenceError(text, fault)
        return cls(found.repository, tag=found.tag, pinned=digest)

    @classmethod
    def locked(cls, reference: str, digest: str) -> Self:
        """Read an artifact of a lock, pinned to a digest. Raises `InvalidReferenceError`.

        `acr-transfer plan` found it in the registry, so no part of it is a host by mistake.
        """
        found = cls.of(reference)
        return cls(found.repository, found.tag, found.digest, digest)

    @classmethod
    def of(cls, text: str) -> Self:
        """Read a reference from a document, whose first part is never a host. Raises the same error."""
        name, at, digest = text.partition("@")
        repository, colon, tag = name.partition(":")
        tag = "" if at else tag if colon else "latest"
        fault = (
            (_both_fault(text) if at and colon else "")
            or _repository_fault(repository)
            or (_digest_fault(digest) if at else _tag_fault(tag))
        )
        if fault:
            raise InvalidReferenceError(text, fault)
        return cls(repository, tag=tag, digest=digest)


def split_reference(reference: str) -> tuple[str, str, str]:
    """Return repository, tag and digest of a valid reference; what it lacks is empty."""
    name, _, digest = reference.partition("@")
    repository, _, tag = name.partition(":")
    return repository, tag, digest


def is_digest(text: str) -> bool:
    """Whether a text is `sha256:` and 64 hex digits."""
    return _DIGEST.fullmatch(text) is not None


def is_repository(text: object) -> bool:
    """Whether a value is the name of a repository."""
    return isinstance(text, str) and not _repository_fault(text)


def is_tag(text: object) -> bool:
    """Whether a value is a tag."""
    return isinstance(text, str) and not _tag_fault(text)


def reference_fault(text: str, registry: str = "") -> str:
    """Return the fault of a reference that an export run is to take, in full; empty for a good one."""
    try:
        Artifact.parse(text, registry)
    except InvalidReferenceError as error:
        return error.reason
    if ":" in text:
        return ""
    return f"has neither a tag nor a digest; expected {FULL_FORMS}"


def repeated(items: Iterable[str]) -> list[str]:
    """Return the items that a list names more than once, each once, in the list's order."""
    return [item for item, count in Counter(items).items() if count > 1]


def listed(names: Sequence[str]) -> str:
    """Return names for a message: the first ten, and the number of the others."""
    more = len(names) - _LISTED
    return ", ".join(names[:_LISTED]) + (f" and {more} more" if more > 0 else "")


def is_registry_host(first: str, registry: str = "") -> bool:
    """Whether the part of a reference before the first slash is a registry's host instead of a repository's.

    In Docker's references a first part with a dot, a port, or `localhost` is a host
    (https://pkg.go.dev/github.com/distribution/reference). A dot alone is not enough here: a registry that
    mirrors others may hold a repository `docker.io/library/nginx`. Hosts are `localhost`, an IP
    address, a part with a port, any Azure registry, the name of `registry` followed by a dot and, if it
    is a login server, every host of its domain.
    """
    host, own = first.lower(), registry.lower()
    if ":" in host or host == "localhost" or _is_address(host) or _AZURE_REGISTRY.fullmatch(host):
        return True
    name, _, domain = own.partition(":")[0].partition(".")
    return bool(name) and (host.startswith(f"{name}.") or ("." in domain and host.endswith(f".{domain}")))


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


def _spelling_fault(text: str) -> str:
    if not text.strip():
        return f"is empty; expected {FORMS}"
    if text != "".join(text.split()):
        return f"contains white space; expected {FORMS}"
    return f"is a URL; expected {FORMS}, without scheme and registry" if "://" in text else ""


def _host_fault(text: str, registry: str) -> str:
    first, slash, rest = text.partition("/")
    if slash and is_registry_host(first, registry):
        expected = f"the artifact alone, as in {quoted(rest)}"
        return f"begins with a registry's host, {quoted(first)}; expected {expected}"
    return ""


def _both_fault(text: str) -> str:
    name, _, digest = text.partition("@")
    by_digest = f"{name.partition(':')[0]}@{digest}"
    return f"has a tag and a digest; expected one of them, as in {quoted(by_digest)}"


def _repository_fault(repository: str) -> str:
    if not repository:
        return f"has no repository; expected {FORMS}"
    if len(repository) > REPOSITORY_LIMIT:
        return f"has a repository of {len(repository)} characters; expected at most {REPOSITORY_LIMIT}"
    if repository != repository.lower():
        return f"has upper case letters in its repository; expected {quoted(repository.lower())}"
    if not _REPOSITORY.fullmatch(repository):
        expected = "lower case letters and digits, joined by single '/', '.', '_', '__' or hyphens"
        return f"has an invalid repository, {quoted(repository)}; expected {expected}"
    return ""


def _tag_fault(tag: str) -> str:
    if not tag:
        return "has an empty tag; expected one after the ':', or no ':'"
    if len(tag) > TAG_LIMIT:
        return f"has a tag of {len(tag)} characters; expected at most {TAG_LIMIT}"
    if _TAG.fullmatch(tag.replace("+", "_")) and "+" in tag:
        as_stored = quoted(tag.replace("+", "_"))
        return f"has a '+' in its tag; expected '_', as Helm stores such a version: {as_stored}"
    if not _TAG.fullmatch(tag):
        expected = "letters, digits, '_', '.' and '-', not beginning with '.' or '-'"
        return f"has an invalid tag, {quoted(tag)}; expected {expected}"
    return ""


def _digest_fault(digest: str) -> str:
    algorithm, colon, digits = digest.partition(":")
    if algorithm != "sha256" or not colon:
        return "has no sha256 digest after the '@'; expected 'sha256:' and 64 hex digits"
    if len(digits) != _DIGITS:
        return f"has a digest of {len(digits)} characters after 'sha256:'; expected {_DIGITS} hex digits"
    if not _HEX.fullmatch(digits):
        return f"has a digest with characters other than 0-9 and a-f; expected {_DIGITS} hex digits"
    return ""

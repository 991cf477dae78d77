"""What may be transferred: artifacts as OCI's distribution specification names them."""

import re
from dataclasses import dataclass
from typing import Self

import pulumi

from .hosts import is_host

FORMS = "repository, repository:tag or repository@sha256:<64 hex digits>"
"""What an artifact may look like, for messages."""

_REPOSITORY = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")
_HEX = re.compile(r"[0-9a-f]*")
_REPOSITORY_LIMIT = 255
_TAG_LIMIT = 128
_DIGEST_LENGTH = 64


class ArtifactError(pulumi.RunError, ValueError):
    """A text names no artifact that can be transferred.

    `text` is what was given and `reason` says what is wrong with it and what was expected.
    """

    def __init__(self, text: str, reason: str) -> None:
        super().__init__(f"{text!r} {reason}")
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
    """The digest that the name stood for when a lock was made; empty without a lock."""

    @property
    def reference(self) -> str:
        """The artifact's one spelling: `repository:tag` or `repository@sha256:<64 hex digits>`."""
        return f"{self.repository}@{self.digest}" if self.digest else f"{self.repository}:{self.tag}"

    @property
    def identity(self) -> str:
        """The line that stands for the content: the reference, and the pinned digest where there is one.

        A tag that has moved to another digest is another line, so that nothing is named as it was before.
        """
        return f"{self.reference} {self.pinned}" if self.pinned else self.reference

    @classmethod
    def parse(cls, text: str, registry: str = "") -> Self:
        """Read `repository`, `repository:tag` or `repository@sha256:<64 hex digits>`.

        A repository alone means its tag `latest`, as the service reads it. `registry` is the name or
        the login server of the registry that the artifact is in, so that a host before the repository is
        seen as a mistake. Raises `ArtifactError` for anything else.

        The grammar is https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-manifests
        """
        _refuse_what_is_no_name(text)
        _refuse_host(text, registry)
        return cls._read(text)

    @classmethod
    def locked(cls, reference: str, digest: str) -> Self:
        """Read a reference as a lock spells it, pinned to a digest; raises `ArtifactError` as `parse` does.

        Whoever wrote the lock has seen the artifact in its registry, so no part of it is a host by mistake.
        """
        found = cls._read(reference)
        return cls(found.repository, found.tag, found.digest, digest)

    @classmethod
    def _read(cls, text: str) -> Self:
        name, at, digest = text.partition("@")
        repository, colon, tag = name.partition(":")
        if at and colon:
            raise ArtifactError(
                text, f"has a tag and a digest; expected one of them, as in {_one_of(text)!r}"
            )
        _refuse_repository(text, repository)
        if at:
            _refuse_digest(text, digest)
            return cls(repository, digest=digest)
        _refuse_tag(text, tag if colon else "latest")
        return cls(repository, tag=tag if colon else "latest")


def _one_of(text: str) -> str:
    """The same artifact by its digest alone, which says more than its tag."""
    name, _, digest = text.partition("@")
    return f"{name.partition(':')[0]}@{digest}"


def _refuse_what_is_no_name(text: str) -> None:
    if not text.strip():
        raise ArtifactError(text, f"is empty; expected {FORMS}")
    if text != "".join(text.split()):
        raise ArtifactError(text, f"has white space in it; expected {FORMS}")
    if "://" in text:
        raise ArtifactError(text, f"is a URL; expected {FORMS}, without scheme and registry")


def _refuse_host(text: str, registry: str) -> None:
    first, slash, rest = text.partition("/")
    if slash and is_host(first, registry):
        raise ArtifactError(text, f"names a registry, {first!r}; expected the artifact alone, as in {rest!r}")


def _refuse_repository(text: str, repository: str) -> None:
    if not repository:
        raise ArtifactError(text, f"has no repository; expected {FORMS}")
    if len(repository) > _REPOSITORY_LIMIT:
        found = f"has a repository of {len(repository)} characters"
        raise ArtifactError(text, f"{found}; expected at most {_REPOSITORY_LIMIT}")
    if repository != repository.lower():
        raise ArtifactError(text, f"has upper case in its repository; expected {repository.lower()!r}")
    if not _REPOSITORY.fullmatch(repository):
        expected = "lower case letters and digits, joined by single '/', '.', '_', '__' or hyphens"
        raise ArtifactError(text, f"has no legal repository, {repository!r}; expected {expected}")


def _refuse_tag(text: str, tag: str) -> None:
    if not tag:
        raise ArtifactError(text, "has an empty tag; expected one after the ':', or no ':'")
    if len(tag) > _TAG_LIMIT:
        raise ArtifactError(text, f"has a tag of {len(tag)} characters; expected at most {_TAG_LIMIT}")
    if not _TAG.fullmatch(tag):
        expected = "letters, digits, '_', '.' and '-', the first one no '.' or '-'"
        raise ArtifactError(text, f"has no legal tag, {tag!r}; expected {expected}")


def _refuse_digest(text: str, digest: str) -> None:
    algorithm, colon, digits = digest.partition(":")
    if algorithm != "sha256" or not colon:
        raise ArtifactError(text, "has no sha256 digest after the '@'; expected 'sha256:' and 64 hex digits")
    if len(digits) != _DIGEST_LENGTH:
        found = f"has a digest of {len(digits)} characters after 'sha256:'"
        raise ArtifactError(text, f"{found}; expected {_DIGEST_LENGTH} hex digits")
    if not _HEX.fullmatch(digits):
        raise ArtifactError(
            text, "has a digest with other characters than 0-9 and a-f; expected 64 hex digits"
        )

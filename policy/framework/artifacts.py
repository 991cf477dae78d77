"""How a run names what it exports: https://github.com/opencontainers/distribution-spec/blob/main/spec.md."""

import re
from collections import Counter
from collections.abc import Iterable

LIMIT = 50
"""The most artifacts that one run takes.

https://learn.microsoft.com/azure/container-registry/container-registry-transfer-images
"""

_COMPONENT = r"[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*"
_REPOSITORY = rf"{_COMPONENT}(?:/{_COMPONENT})*"
_NAME = re.compile(_REPOSITORY)
_BY_TAG = re.compile(rf"{_REPOSITORY}:[A-Za-z0-9_][A-Za-z0-9._-]{{0,127}}")
_BY_DIGEST = re.compile(rf"{_REPOSITORY}@sha256:[0-9a-f]{{64}}")
_REGISTRY = re.compile(r"[a-z0-9-]+\.azurecr\.[a-z]+/", re.IGNORECASE)


def is_by_digest(item: str) -> bool:
    """Whether an artifact is named by what it is, so that it cannot move."""
    return bool(_BY_DIGEST.fullmatch(item))


def fault_of(item: str) -> str:
    """What keeps ACR from finding an artifact of this name; empty if nothing does."""
    if _REGISTRY.match(item):
        return "begins with a registry's host; name the repository alone"
    if _BY_TAG.fullmatch(item) or _BY_DIGEST.fullmatch(item):
        return ""
    if _NAME.fullmatch(item):
        return "has neither a tag nor a digest; say which version is meant, as in repository:tag"
    if "@" in item:
        return "has no whole digest; a digest is sha256: and 64 hex digits, and goes without a tag"
    if _BY_TAG.fullmatch(item.lower()):
        return "has upper case letters in its repository, which is lower case in every registry"
    return "is no repository:tag and no repository@sha256:<64 hex digits>"


def repeated(items: Iterable[str]) -> list[str]:
    """The artifacts that a list names more than once, each once, in the list's order."""
    return [item for item, count in Counter(items).items() if count > 1]

"""Rules that select artifacts: patterns of repositories and tags, versions, the newest tags, and age."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Any

from semantic_version import NpmSpec, Version

from acr_transfer.plan.patterns import matches_any


class Order(StrEnum):
    """The criterion by which one tag is newer than another."""

    TIME = "time"
    VERSION = "version"


@dataclass(frozen=True, kw_only=True)
class SelectionRule:
    """Selects tags of repositories: every condition must hold, and one pattern of each list must match."""

    repositories: tuple[str, ...]
    tags: tuple[str, ...] = ("*",)
    versions: str = ""
    """A range of semantic versions in npm's syntax: `>=1.2 <2`, `^1.4`, `1.x || 2.x`."""

    newest: int = 0
    """The number of tags in each repository, after all other conditions; 0: all."""

    order: Order = Order.TIME
    younger_than: timedelta | None = None
    older_than: timedelta | None = None
    exclude_repositories: tuple[str, ...] = ()
    exclude_tags: tuple[str, ...] = ()

    @property
    def needs_times(self) -> bool:
        """Whether the rule depends on the times of tags."""
        aged = self.younger_than is not None or self.older_than is not None
        return aged or bool(self.newest and self.order is Order.TIME)

    def takes_repository(self, name: str) -> bool:
        """Whether the rule applies to a repository."""
        return matches_any(self.repositories, name) and not matches_any(self.exclude_repositories, name)

    def fixed_repositories(self) -> list[str] | None:
        """The repositories, if the rule has no pattern and the registry need not list them; else None."""
        plain = [name for name in self.repositories if not set(name) & set("*?[:")]
        return plain if len(plain) == len(self.repositories) else None

    def takes_tag(self, tag: str) -> bool:
        """Whether the tag's name matches."""
        if not matches_any(self.tags, tag) or matches_any(self.exclude_tags, tag):
            return False
        if not self.versions:
            return True
        version = version_of(tag)
        return version is not None and version in range_of(self.versions)

    def takes_age(self, time: datetime, now: datetime) -> bool:
        """Whether the tag's age matches."""
        if self.younger_than is not None and time < now - self.younger_than:
            return False
        return self.older_than is None or time <= now - self.older_than

    def newest_of(self, tags: Iterable[str], times: Mapping[str, datetime]) -> list[str]:
        """Return the newest tags, or all if the rule sets no number; the order of `tags` has no effect."""

        # Tags of equal time are ordered by version, then by name.
        def key(tag: str) -> tuple[Any, ...]:
            version = version_of(tag)
            ranked = (version is not None, version or Version("0.0.0"))
            time = times.get(tag, datetime.min.replace(tzinfo=UTC))
            return (*ranked, time, tag) if self.order is Order.VERSION else (time, *ranked, tag)

        ordered = sorted(tags, key=key, reverse=True)
        return ordered[: self.newest] if self.newest else ordered

    def __str__(self) -> str:
        return f"repositories {', '.join(self.repositories)}, tags {', '.join(self.tags)}"


@dataclass(frozen=True, kw_only=True)
class SelectionRules:
    """All rules of one plan."""

    artifacts: tuple[str, ...] = ()
    """References, `repository:tag` or `repository@sha256:…`, which must exist."""

    rules: tuple[SelectionRule, ...] = ()
    platforms: tuple[str, ...] = ()
    """The requested platforms, as `os/architecture[/variant]`; others cause a warning."""


@lru_cache(maxsize=65536)
def version_of(tag: str) -> Version | None:
    """Return the semantic version of a tag such as `1.4.0`, `v1.4` or `2`; None for any other tag.

    https://semver.org
    """
    found = re.fullmatch(r"v?(\d+)(\.\d+)?(\.\d+)?([-+][0-9A-Za-z.+-]+)?", tag)
    if not found:
        return None
    numbers = [int(part.lstrip(".")) if part else 0 for part in found.groups()[:3]]
    try:
        return Version(".".join(map(str, numbers)) + (found[4] or ""))
    except ValueError:
        return None


@lru_cache(maxsize=64)
def range_of(text: str) -> NpmSpec:
    """Return a range of versions in npm's syntax. Raises `ValueError` for any other text."""
    return NpmSpec(text)

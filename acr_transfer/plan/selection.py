"""From rules to references: which tags of which repositories are meant, at one moment."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

from acr_transfer.concurrency import together
from acr_transfer.model.times import parse_time
from acr_transfer.plan.rules import Rule, Rules
from acr_transfer.registry.manifests import Manifest

_AT_A_TIME = 64
"""Questions in hand at once; how many are under way the registry's client decides."""

_ATTACHED = re.compile(r"sha256-[0-9a-f]{64}(\.[a-z]+)?")
"""A tag that only says what refers to a digest: it moves with what it is about, never by a rule."""

_LONG_AGO = datetime.min.replace(tzinfo=UTC)


class Shelves(Protocol):
    """A registry, as far as a choice needs it."""

    async def repositories(self) -> list[str]:
        """All repositories."""

    async def tags(self, repository: str) -> list[str] | None:
        """All tags; None if there is no such repository."""

    async def tag_times(self, repository: str) -> dict[str, str] | None:
        """When each tag was moved last (RFC 3339); None where the registry does not tell."""

    async def get(self, repository: str, reference: str) -> Manifest | None:
        """A manifest; None if it is not there."""


@dataclass
class Chosen:
    """What the rules mean, and what was learnt on the way."""

    references: list[str] = field(default_factory=list)
    """Sorted, each once."""

    tags: dict[str, frozenset[str]] = field(default_factory=dict)
    """All tags of every repository that has a part in it."""

    empty: list[str] = field(default_factory=list)
    """Rules that fit no tag, each with the reason."""

    unfit: list[str] = field(default_factory=list)
    """Rules that fit no repository: a typing mistake, most likely."""


def attached(tag: str) -> bool:
    """Whether a tag follows the fallback scheme for referrers, or cosign's own.

    https://github.com/opencontainers/distribution-spec/blob/main/spec.md#referrers-tag-schema
    """
    return _ATTACHED.fullmatch(tag) is not None


async def choose(rules: Rules, registry: Shelves, now: datetime) -> Chosen:
    """The references that the rules mean; `now` is the moment from which age is counted."""
    chosen = Chosen()
    everything: list[str] | None = None
    if any(rule.fixed_repositories() is None for rule in rules.rules):
        everything = await registry.repositories()
    wanted = [_repositories(rule, everything or []) for rule in rules.rules]
    named = [reference.partition("@")[0].partition(":")[0] for reference in rules.artifacts]
    await _look_up(chosen, registry, [*named, *(name for names in wanted for name in names)])
    found = set(rules.artifacts)
    for rule, names in zip(rules.rules, wanted, strict=True):
        found.update(await _of_rule(rule, names, chosen, registry, now))
    chosen.references = sorted(found)
    return chosen


def _repositories(rule: Rule, everything: Sequence[str]) -> list[str]:
    fixed = rule.fixed_repositories()
    return [name for name in (everything if fixed is None else fixed) if rule.takes_repository(name)]


async def _look_up(chosen: Chosen, registry: Shelves, names: Iterable[str]) -> None:
    async def ask(name: str) -> tuple[str, list[str] | None]:
        return name, await registry.tags(name)

    for name, tags in await together(ask, sorted(set(names)), _AT_A_TIME):
        if tags is not None:
            chosen.tags[name] = frozenset(tags)


async def _of_rule(
    rule: Rule, names: Sequence[str], chosen: Chosen, registry: Shelves, now: datetime
) -> list[str]:
    there = [name for name in names if name in chosen.tags]
    if not there:
        chosen.unfit.append(f"{rule}: no repository fits")
        return []

    async def tags_of(name: str) -> list[str]:
        tags = [tag for tag in chosen.tags[name] if not attached(tag) and rule.takes_tag(tag)]
        times = await _times(name, tags, registry) if rule.needs_times and tags else {}
        aged = [tag for tag in tags if rule.takes_age(times.get(tag, _LONG_AGO), now)]
        return [f"{name}:{tag}" for tag in rule.newest_of(aged, times)]

    found = [reference for listed in await together(tags_of, there, _AT_A_TIME) for reference in listed]
    if not found:
        chosen.empty.append(f"{rule}: of {len(there)} repositories no tag fits")
    return found


async def _times(name: str, tags: Sequence[str], registry: Shelves) -> Mapping[str, datetime]:
    """When each tag was moved, as Azure tells it; elsewhere when its image says that it was made."""
    told = await registry.tag_times(name)
    if told is not None:
        return {tag: parse_time(told.get(tag, "")) or _LONG_AGO for tag in tags}

    async def made(tag: str) -> tuple[str, datetime]:
        manifest = await registry.get(name, tag)
        return tag, (parse_time(manifest.made) if manifest else None) or _LONG_AGO

    return dict(await together(made, tags, _AT_A_TIME))

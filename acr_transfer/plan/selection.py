"""Selects references: applies the rules to the repositories and tags of a registry at one moment."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from acr_transfer.concurrency import run_concurrently
from acr_transfer.model.times import parse_time
from acr_transfer.plan.rules import SelectionRule, SelectionRules
from acr_transfer.registry.client import RegistryClient
from acr_transfer.registry.failures import Unreadable
from acr_transfer.registry.manifests import is_referrer_tag

_LONG_AGO = datetime.min.replace(tzinfo=UTC)


@dataclass
class Selection:
    """The references that the rules select."""

    references: list[str] = field(default_factory=list)
    """Sorted, each once."""

    tags: dict[str, frozenset[str]] = field(default_factory=dict)
    """All tags of every repository that was read."""

    without_tags: list[str] = field(default_factory=list)
    """Rules that match no tag, each with the reason."""

    without_repositories: list[str] = field(default_factory=list)
    """Rules that match no repository: probably a typing mistake."""

    unreadable: Unreadable = field(default_factory=Unreadable)
    """Repositories whose tags, and tags whose times cannot be read."""


async def select(rules: SelectionRules, registry: RegistryClient, now: datetime) -> Selection:
    """Return the references that the rules select; the age of a tag is counted from `now`."""
    fixed = [rule.fixed_repositories() for rule in rules.rules]
    every_repository = await registry.repositories() if None in fixed else []
    of_rules = [
        [name for name in (every_repository if names is None else names) if rule.takes_repository(name)]
        for rule, names in zip(rules.rules, fixed, strict=True)
    ]
    named = rules.named
    repositories = sorted({artifact.repository for artifact in named}.union(*of_rules))
    selection = Selection()

    async def tags(repository: str) -> list[str] | None:
        return await selection.unreadable.read(repository, registry.tags(repository))

    listed = zip(repositories, await run_concurrently(tags, repositories), strict=True)
    selection.tags = {name: frozenset(tags) for name, tags in listed if tags is not None}
    found = {artifact.reference for artifact in named}
    for rule, matching in zip(rules.rules, of_rules, strict=True):
        found.update(await _of_rule(rule, matching, selection, registry, now))
    selection.references = sorted(found)
    return selection


async def _of_rule(
    rule: SelectionRule, names: Sequence[str], selection: Selection, registry: RegistryClient, now: datetime
) -> list[str]:
    repositories = [name for name in names if name in selection.tags]
    if not repositories and not selection.unreadable.errors.keys() & set(names):
        selection.without_repositories.append(f"{rule}: no repository matches")
    if not repositories:
        return []

    async def of_repository(name: str) -> list[str]:
        tags = [tag for tag in selection.tags[name] if not is_referrer_tag(tag) and rule.takes_tag(tag)]
        times = await _times(name, tags, registry, selection) if rule.needs_times and tags else {}
        aged = [tag for tag in tags if rule.takes_age(times.get(tag, _LONG_AGO), now)]
        return [f"{name}:{tag}" for tag in rule.newest_of(aged, times)]

    listed = await run_concurrently(of_repository, repositories)
    found = [reference for references in listed for reference in references]
    if not found:
        selection.without_tags.append(f"{rule}: no tag matches")
    return found


async def _times(
    name: str, tags: Sequence[str], registry: RegistryClient, selection: Selection
) -> Mapping[str, datetime]:
    """The time of each tag: when it was last moved (Azure), or when its image was created."""
    moved = await registry.tag_times(name)
    if moved is not None:
        return {tag: parse_time(moved.get(tag, "")) or _LONG_AGO for tag in tags}

    async def created(tag: str) -> datetime:
        manifest = await selection.unreadable.read(f"{name}:{tag}", registry.get(name, tag))
        return (parse_time(manifest.created) if manifest else None) or _LONG_AGO

    return dict(zip(tags, await run_concurrently(created, tags), strict=True))

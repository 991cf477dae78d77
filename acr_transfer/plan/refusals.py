"""Why artifacts cannot be planned: one error for all of them, with similar names."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence, Set
from contextlib import suppress
from difflib import get_close_matches

from acr_transfer.errors import FAILURES, PlanError, RegistryAccessError, ServiceError, TransferError
from acr_transfer.model.documents.faults import with_faults
from acr_transfer.model.references import Artifact, listed
from acr_transfer.model.visible_text import visible_line
from acr_transfer.plan.rules import SelectionRules
from acr_transfer.plan.selection import Selection
from acr_transfer.registry.client import RegistryClient
from acr_transfer.registry.failures import described, is_locked
from acr_transfer.registry.resolve import ResolvedArtifacts
from acr_transfer.units import plural

_COMPARED = 20
"""Repositories for which similar names are searched: each is compared with all others."""


async def refuse_selection(
    rules: SelectionRules, selection: Selection, resolved: ResolvedArtifacts, registry: RegistryClient
) -> None:
    """Raise one error for all artifacts that cannot be planned."""
    absent = [Artifact.of(reference) for reference in resolved.absent]
    missing = [name for name in _repositories(rules) if not _is_known(name, selection)]
    names = await _all_names(registry) if missing else []
    similar = {name: get_close_matches(name, names) for name in missing[:_COMPARED]}
    refuse(
        [
            *_prefix_hints(absent, frozenset(names)),
            *_other_digests(rules, resolved),
            *(_absence(each, selection, similar) for each in absent),
            *selection.without_repositories,
            *_similar_to_rules(rules, similar),
        ],
        {**selection.unreadable.errors, **resolved.unreadable},
    )


def refuse(faults: Sequence[str], unreadable: Mapping[str, TransferError] | None = None) -> None:
    """Raise one error for these faults and for the artifacts that cannot be read, if there are any.

    A reason that all of them share has its own error.
    """
    errors = unreadable or {}
    refused = [error for error in errors.values() if isinstance(error, RegistryAccessError)]
    if refused and len(refused) == len(errors) and not faults:
        names = visible_line(listed([*errors]))
        what = f"no lock was written: {refused[0].refused} for {names}"
        raise RegistryAccessError(what, refused[0].login_server, lists=refused[0].lists)
    every = [*faults, *(described(*each) for each in errors.items())]
    if not every:
        return
    message = with_faults("no lock was written:", [*map(visible_line, every)])
    is_of_service = not (faults or refused or any(map(is_locked, errors.values())))
    raise ServiceError(message) if is_of_service else PlanError(message)


def _repositories(rules: SelectionRules) -> list[str]:
    """The repositories that are named in full."""
    named = [artifact.repository for artifact in rules.named]
    of_rules = [name for rule in rules.rules for name in rule.fixed_repositories() or ()]
    return list(dict.fromkeys([*named, *of_rules]))


def _is_known(repository: str, selection: Selection) -> bool:
    return repository in selection.tags or repository in selection.unreadable.errors


async def _all_names(registry: RegistryClient) -> list[str]:
    """All repositories, if the caller may list them."""
    with suppress(*FAILURES):
        return await registry.repositories()
    return []


def _other_digests(rules: SelectionRules, resolved: ResolvedArtifacts) -> Iterator[str]:
    """Messages about tags that do not have the digest that they must have."""
    found = {entry.reference: entry.digest for entry in resolved.artifacts}
    for one in rules.named:
        if one.pinned and found.get(one.reference, one.pinned) != one.pinned:
            yield f"{one.reference} has the digest {found[one.reference]}, and not {one.pinned}"


def _prefix_hints(absent: Sequence[Artifact], names: Set[str]) -> Iterator[str]:
    """Prefixes without which absent artifacts may exist, such as the host of another registry."""
    parts = (artifact.repository.partition("/") for artifact in absent)
    for prefix, count in Counter(first for first, _, rest in parts if rest in names).items():
        found = f"the {'repository' if count == 1 else 'repositories'} of {plural(count, 'artifact')}"
        exist = "exists" if count == 1 else "exist"
        yield f"without {prefix}/, {found} {exist}: add the option --strip-prefix {prefix}"


def _similar_to_rules(rules: SelectionRules, similar: Mapping[str, Sequence[str]]) -> Iterator[str]:
    for name in (name for rule in rules.rules for name in rule.fixed_repositories() or ()):
        if similar.get(name):
            yield f"similar repositories to {name}: {', '.join(similar[name])}"


def _absence(artifact: Artifact, selection: Selection, similar: Mapping[str, Sequence[str]]) -> str:
    """A message about an absent artifact, with repositories or tags that have similar names."""
    absence = f"{artifact.reference} is not in the registry"
    tags = selection.tags.get(artifact.repository)
    if tags is None:
        found = similar.get(artifact.repository)
        like = f"; similar repositories: {', '.join(found)}" if found else ""
        return f"{absence}: the repository {artifact.repository!r} does not exist{like}"
    near = [] if artifact.digest else get_close_matches(artifact.tag, sorted(tags))
    return f"{absence}; similar tags: {', '.join(near)}" if near else absence

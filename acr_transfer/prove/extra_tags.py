"""Finds tags at the target that no document names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from acr_transfer.concurrency import run_concurrently
from acr_transfer.errors import TransferError
from acr_transfer.model.proof import Verdict
from acr_transfer.model.references import split_reference
from acr_transfer.prove.finding import ArtifactFinding
from acr_transfer.registry.client import RegistryClient


async def extra_tags(
    artifacts: Sequence[str], known: Iterable[str], registry: RegistryClient
) -> list[ArtifactFinding] | None:
    """Return the other tags in the repositories of `artifacts`, without those in `known`.

    None if the caller is not allowed to list tags.
    """
    named = {*artifacts, *known}
    repositories = sorted({split_reference(reference)[0] for reference in artifacts})
    try:
        listed = await run_concurrently(registry.tags, repositories)
    except TransferError:
        return None
    detail = "in a repository of the hand-over, but not in the hand-over"
    return [
        ArtifactFinding(artifact=f"{repository}:{tag}", verdict=Verdict.EXTRA, detail=detail)
        for repository, tags in zip(repositories, listed, strict=True)
        for tag in sorted(tags or ())
        if f"{repository}:{tag}" not in named
    ]

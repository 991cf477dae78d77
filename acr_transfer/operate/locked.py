"""The lock that a source stack is configured with, compared with its registry.

Neither the service nor the program does it: docs/adr/0050-who-compares-a-lock-with-its-registry.md.
"""

import os
from collections.abc import Sequence
from pathlib import Path

from acr_transfer.azure import connect
from acr_transfer.azure.stacks import Stack
from acr_transfer.errors import PlanError
from acr_transfer.model.documents.faults import with_faults
from acr_transfer.model.documents.handover import Handover
from acr_transfer.model.documents.lock import Lock, LockedArtifact
from acr_transfer.model.failures.proofs import GONE_AT_SOURCE, TAG_MOVED_BEFORE_EXPORT
from acr_transfer.registry.moved_tags import MovedTag, moved_tags, read_digests


def lock_path(stack: Stack) -> Path | None:
    """The path of the stack's lock from the current folder; None if it is configured without a lock."""
    named = stack.config.get("acr-transfer:lock")
    if not named:
        return None
    root = next((each for each in stack.folders if (each / "Pulumi.yaml").is_file()), stack.folders[0])
    return Path(os.path.relpath(root / named))


def pinned_entries(stack: Stack, handover: Handover) -> Sequence[LockedArtifact]:
    """The entries of the stack's lock, which may not be deployed yet; else those of its hand-over."""
    path = lock_path(stack)
    return Lock.read(path).artifacts if path else handover.artifacts


def not_exported(lock: Lock, handover: Handover | None) -> list[LockedArtifact]:
    """The entries of a lock that no exported blob holds, so that the next `pulumi up` exports them."""
    exported = set(handover.references) if handover else set()
    known = {entry.reference: entry.digest for entry in handover.artifacts} if handover else {}
    return [
        entry
        for entry in lock.artifacts
        if entry.reference not in exported or known.get(entry.reference) != entry.digest
    ]


async def refuse_moved_tags(stack: Stack) -> None:
    """Compare what the next `pulumi up` exports with the registry.

    Raises `PlanError` if a tag has moved since the plan, `ModelError` for an invalid lock, and the
    errors of reading the registry. A stack without a lock has nothing to compare.
    """
    path = lock_path(stack)
    if path is None:
        return
    handover = stack.handover() if stack.outputs.get("handover") is not None else None
    entries = not_exported(Lock.read(path), handover)
    if not entries:
        return
    async with connect.registry(stack) as registry:
        now = await read_digests([entry.reference for entry in entries], registry)
    if moved := moved_tags(entries, now):
        raise _refusal(moved, path)


def _refusal(moved: Sequence[MovedTag], path: Path) -> PlanError:
    title = f"nothing was exported: the registry differs from the lock {path}:"
    gone = any(not each.now for each in moved)
    failure = GONE_AT_SOURCE if gone else TAG_MOVED_BEFORE_EXPORT
    message = f"{with_faults(title, [*map(str, moved)])}\n{failure.why}"
    return PlanError(message).led_out(failure, lock=str(path))

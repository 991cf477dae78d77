"""The side that exports images from a registry."""

from functools import cache
from pathlib import Path
from typing import Any, NotRequired

import pulumi
from pulumi import Output, ResourceOptions

from acr_transfer.model.documents.handover import Handover
from acr_transfer.model.documents.lock import Lock
from acr_transfer.model.errors import ModelError
from acr_transfer.model.options import Direction
from acr_transfer.model.references import Artifact
from acr_transfer.model.visible_text import visible_line

from . import defaults
from .arguments import SideArgs, has, part_of
from .batches import batches, short_hash
from .pipelines.pipeline import ExportPipeline, ExportPipelineArgs
from .pipelines.run_results import SUCCEEDED, Run, Transfer
from .side import TransferSide


class LockError(pulumi.RunError):
    """A lock cannot be used; the message gives the reason and the fix."""


class SourceSideArgs(SideArgs):
    """The registry that images leave, the images, and the container that they are exported to."""

    artifacts: NotRequired[list[str]]
    """The artifacts to transfer, any number, each as repository, repository:tag or
    repository@sha256:digest."""

    lock: NotRequired[str]
    """A lock of acr-transfer plan instead: the artifacts to transfer, pinned to digests. The file's path
    or its text."""

    blob_prefix: NotRequired[str]
    """The beginning of the exported blobs' names."""


class SourceSide(TransferSide):
    """A registry with everything that it needs to export: container, vault, token, pipeline, runs."""

    export_pipeline_id: Output[str]
    """The export pipeline's resource ID."""

    handover: Output[dict[str, Any]]
    """The document that the target side needs; docs/handover.schema.json describes it."""

    def __init__(self, name: str, args: SourceSideArgs, opts: ResourceOptions | None = None) -> None:
        """Create the side; raises `ArgumentError`, or `LockError` for an invalid lock."""
        super().__init__(name, args, SourceSideArgs, Direction.EXPORT, opts)
        lock = lock_of(args["lock"]) if has(args, "lock") else None
        needed = self._prerequisites(name, args)
        self.login_server = self.login_server.apply(lambda host: _of_lock(host, lock))
        given = part_of(ExportPipelineArgs, args, **needed.links())
        pipeline = ExportPipeline(f"{name}-pipeline", given, ResourceOptions(parent=self))
        self.export_pipeline_id = pipeline.pipeline_id
        # The blobs that a run wrote are in its container: another container needs another run.
        tag = Output.concat(args.get("force_update_tag", defaults.FORCE_UPDATE_TAG), " ", self.container_url)
        self.runs = self._runs(
            name,
            args,
            pipeline,
            _exports(args, lock, needed.staging.storage.container_changed),
            needed,
            force_update_tag=tag,
        )
        self.handover = Output.all(self.login_server, self.container_url, self.runs).apply(
            lambda known: _handover(known[0], known[1], known[2], lock)
        )
        self.register_outputs(self.outputs)

    @property
    def outputs(self) -> dict[str, Output[object]]:
        """The outputs of a stack of this side; no secret's URI without a token."""
        own: dict[str, Output[object]] = {
            "exportPipelineId": self.export_pipeline_id,
            "handover": self.handover,
        }
        return super().outputs | own


@cache
def lock_of(path_or_text: str) -> Lock:
    """Read a lock, once in a program, from a file or from the lock's text. Raises `LockError`."""
    try:
        is_text = path_or_text.lstrip().startswith("{")
        return Lock.parse(path_or_text) if is_text else Lock.read(Path(path_or_text))
    except ModelError as error:
        raise LockError(str(error)) from error


def _exports(args: SourceSideArgs, lock: Lock | None, changed: Output[str]) -> list[Transfer]:
    """The runs of the artifacts.

    A blob is named by its content. A run is named by its pipeline too: one registry holds the runs of all its
    pipelines, and two of them may transfer the same artifacts. `changed` is the time since when the container
    exists.
    """
    texts = args.get("artifacts", [])
    artifacts = (
        [each.artifact for each in lock.artifacts] if lock else [Artifact.parse(text) for text in texts]
    )
    pipeline = args.get("pipeline", defaults.PIPELINES[Direction.EXPORT])
    prefix = args.get("blob_prefix", defaults.BLOB_PREFIX)
    return [
        Transfer(
            run_name=short_hash(pipeline, *batch.identities),
            blob=f"{prefix}{batch.name}",
            artifacts=batch.references,
            changed=changed,
        )
        for batch in batches(artifacts)
    ]


def _of_lock(login_server: str, lock: Lock | None) -> str:
    """The registry's host, which must be the lock's."""
    if lock and lock.registry.lower() != login_server.lower():
        other = visible_line(lock.registry)
        raise LockError(
            f"The lock is for registry {other}, but this stack exports from {login_server}.\n"
            "Create a lock for this registry: acr-transfer plan"
        )
    return login_server


def _handover(login_server: str, container_url: str, runs: list[Run], lock: Lock | None) -> dict[str, Any]:
    blobs = [
        {"name": run["blob"], "artifacts": run["artifacts"]} for run in runs if run["status"] == SUCCEEDED
    ]
    return Handover.of(login_server, container_url, blobs, lock.artifacts if lock else ()).as_json()

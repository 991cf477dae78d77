"""What the ways of playing a failure share: a run that is somehow wrong, and what it says."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sandbox.faults import control
from tests.sandbox.failures.table import BothClouds, Play
from tests.sandbox.transfer.side import Json, SandboxSide

NO_ERROR = "no error"
REFUSED = "Failed to access storage.  Service request failed.  Status: "
LOST = "Failed to access storage.  The connection was lost (…)."


def said(response: Json) -> str:
    """What a user reads of a run."""
    return str(response.get("pipelineRunErrorMessage") or NO_ERROR)


def exported(
    world: BothClouds, *artifacts: str, options: tuple[str, ...] = (), blob: str = "", **more: Any
) -> str:
    """Export with a pipeline that is somehow wrong, into a blob of its own."""
    pipeline = world.source.pipeline("export", more.pop("container", "out"), *options, **more)
    return said(world.source.run(pipeline, blob or pipeline, *(artifacts or (world.IMAGE,))))


def imported(world: BothClouds, *options: str, blob: str = "", container: str = "", **more: Any) -> str:
    """Import the good archive, or another blob, with a pipeline that is somehow wrong."""
    pipeline = world.target.pipeline("import", container or world.INTO, *options, **more)
    return said(world.target.run(pipeline, blob or world.ARCHIVE))


def while_faulty(door: str, play: Play, side: str = "source", **more: Any) -> Play:
    """Play something while a fault stands at a door; it must really be met."""

    def run(world: BothClouds) -> str:
        with control.fault(world.source.places, side, door, **more) as played:
            text = play(world)
            assert played()
        return text

    return run


@contextmanager
def at(side: SandboxSide, seconds: float) -> Iterator[None]:
    """Another time in one cloud, with a token that is good then."""
    with control.clock(side.places, side.side, seconds):
        side.renew()
        yield
    side.renew()


def run_with(side: SandboxSide, kind: str, version: str = "", **place: Any) -> Json:
    """A run of a pipeline whose place is as given."""
    name = side.pipeline(kind, "out" if kind == "export" else BothClouds.INTO)
    path = side.pipeline_path(kind, name)
    properties = side.arm("GET", path)["properties"]
    properties["target" if kind == "export" else "source"] |= place
    body = {"identity": {"type": "SystemAssigned"}, "properties": properties}
    side.arm("PUT", path, body, version)
    artifacts = (BothClouds.IMAGE,) if kind == "export" else ()
    return side.run(name, name if kind == "export" else BothClouds.ARCHIVE, *artifacts)


def arrive(world: BothClouds, blob: str, *artifacts: str) -> bytes:
    """An archive of images of their own at the target; its bytes."""
    for artifact in artifacts:
        repository, _, tag = artifact.partition(":")
        world.source.image(repository, tag)
    assert exported(world, *artifacts, blob=blob, options=("OverwriteBlobs",)) == NO_ERROR
    body = world.source.blob("out", blob)
    world.target.put_blob(BothClouds.INTO, blob, body)
    return body

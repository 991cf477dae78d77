"""Building blocks of scenarios: faulty runs, and their error messages."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.sandbox.failures.table import BothClouds, Scenario
from tests.sandbox.faults import control
from tests.sandbox.transfer.side import Json, SandboxSide

NO_ERROR = "no error"
REFUSED = "Failed to access storage.  Service request failed.  Status: "
LOST = "Failed to access storage.  The connection was lost (…)."


def error_message(response: Json) -> str:
    """The error message of a run's response."""
    return str(response.get("pipelineRunErrorMessage") or NO_ERROR)


def export_error(
    clouds: BothClouds, *artifacts: str, options: tuple[str, ...] = (), blob: str = "", **more: Any
) -> str:
    """Export with a modified pipeline to a new blob; returns the run's error message."""
    pipeline = clouds.source.pipeline("export", more.pop("container", "out"), *options, **more)
    return error_message(clouds.source.run(pipeline, blob or pipeline, *(artifacts or (clouds.IMAGE,))))


def import_error(clouds: BothClouds, *options: str, blob: str = "", container: str = "", **more: Any) -> str:
    """Import with a modified pipeline, by default the valid archive; returns the run's error message."""
    pipeline = clouds.target.pipeline("import", container or clouds.INTO, *options, **more)
    return error_message(clouds.target.run(pipeline, blob or clouds.ARCHIVE))


def with_fault(endpoint: str, scenario: Scenario, side: str = "source", **more: Any) -> Scenario:
    """Run a scenario with a fault at an endpoint; the fault must be applied."""

    def run(clouds: BothClouds) -> str:
        with control.fault(clouds.source.paths, side, endpoint, **more) as applied:
            message = scenario(clouds)
            assert applied()
        return message

    return run


@contextmanager
def shifted_clock(side: SandboxSide, seconds: float) -> Iterator[None]:
    """Shift the clock of one cloud, with a token that is valid at that time."""
    with control.clock(side.paths, side.side, seconds):
        side.renew()
        yield
    side.renew()


def run_with_container(side: SandboxSide, kind: str, version: str = "", **container: Any) -> Json:
    """Run a pipeline with changed properties of its container; returns the run's response."""
    name = side.pipeline(kind, "out" if kind == "export" else BothClouds.INTO)
    path = side.pipeline_path(kind, name)
    properties = side.arm("GET", path)["properties"]
    properties["target" if kind == "export" else "source"] |= container
    body = {"identity": {"type": "SystemAssigned"}, "properties": properties}
    side.arm("PUT", path, body, version)
    artifacts = (BothClouds.IMAGE,) if kind == "export" else ()
    return side.run(name, name if kind == "export" else BothClouds.ARCHIVE, *artifacts)


def transfer_archive(clouds: BothClouds, blob: str, *artifacts: str) -> bytes:
    """Export new images and upload the archive to the target; returns its bytes."""
    for artifact in artifacts:
        repository, _, tag = artifact.partition(":")
        clouds.source.image(repository, tag)
    assert export_error(clouds, *artifacts, blob=blob, options=("OverwriteBlobs",)) == NO_ERROR
    body = clouds.source.blob("out", blob)
    clouds.target.put_blob(BothClouds.INTO, blob, body)
    return body

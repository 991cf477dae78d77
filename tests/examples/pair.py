"""What every example of two stacks promises: images arrive whole, a second `up` is quiet, nothing is left."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sandbox.cloud.definitions import SOURCE, CloudDefinition
from sandbox.cloud.paths import Paths
from tests.examples.example import Example, everything, imported, manifests


@dataclass(frozen=True)
class Case:
    """An example of two stacks that one machine reaches."""

    name: str
    cloud: CloudDefinition
    """Where the target is."""

    registry: str
    pipeline: str


def moves_and_proves(case: Case, example: Example, paths: Paths) -> None:
    """Deploy both stacks, carry the blobs, prove all that arrived, change nothing, and leave nothing."""
    before = everything(paths)
    source, target = f"{case.name}-source", f"{case.name}-target"
    example.up_from_nothing(source)
    example.up_from_nothing(target)
    stacks = ("--source", source, "--target", target)
    example.run("acr-transfer", "hop", *stacks)
    said = example.run("acr-transfer", "prove", *stacks, "--wait", "120")
    artifacts = artifacts_of(example.outputs(source))
    assert f"{len(artifacts)} of {len(artifacts)} artifacts proved" in said
    assert_arrived(paths, case.cloud, case.registry, artifacts)
    assert imported(paths, case.cloud, case.pipeline) == blobs_of(example.outputs(source))
    for stack in (source, target):
        example.up_changes_nothing(stack)
    assert "sig=" not in example.said
    example.destroy(source, target)
    assert everything(paths) == before


def artifacts_of(outputs: dict[str, Any]) -> list[str]:
    """What a source stack's runs have exported."""
    return [artifact for run in outputs["runs"] for artifact in run["artifacts"]]


def blobs_of(outputs: dict[str, Any]) -> list[str]:
    """The names of the blobs in a source stack's hand-over."""
    return sorted(blob["name"] for blob in outputs["handover"]["blobs"])


def assert_arrived(paths: Paths, cloud: CloudDefinition, registry: str, artifacts: list[str]) -> None:
    """Both registries give out the same manifests, byte for byte, children among them."""
    assert artifacts
    for artifact in artifacts:
        sent = manifests(paths, SOURCE, SOURCE.registry, artifact)
        assert manifests(paths, cloud, registry, artifact) == sent, artifact

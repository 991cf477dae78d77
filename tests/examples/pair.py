"""Tests of an example with two stacks: images arrive, a second `up` changes nothing, nothing remains."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sandbox.cloud.definitions import SOURCE, CloudDefinition
from sandbox.cloud.paths import Paths
from tests.engine.projects import EVERY_RUN
from tests.examples.example import Example, imported, manifests, resource_ids


@dataclass(frozen=True)
class Case:
    """An example of two stacks that one machine can reach."""

    name: str
    cloud: CloudDefinition
    """The cloud of the target."""

    registry: str
    pipeline: str


def moves_and_proves(case: Case, example: Example, paths: Paths) -> None:
    """Deploy both stacks, copy and prove the images, deploy again without a change, destroy everything."""
    before = resource_ids(paths)
    source, target = f"{case.name}-source", f"{case.name}-target"
    example.up_from_nothing(source)
    example.up_from_nothing(target)
    stacks = ("--source", source, "--target", target)
    example.run("acr-transfer", "hop", *stacks)
    output = example.run("acr-transfer", "prove", *stacks, "--wait", "120")
    artifacts = artifacts_of(example.outputs(source))
    assert f"{len(artifacts)} of {len(artifacts)} artifacts proved" in output
    assert_arrived(paths, case.cloud, case.registry, artifacts)
    assert imported(paths, case.cloud, case.pipeline) == blobs_of(example.outputs(source))
    for stack in (source, target):
        example.up_changes_nothing(stack)
    assert "sig=" not in example.said
    example.run("acr-transfer", "clean", *stacks, *EVERY_RUN)
    example.destroy(source, target)
    assert resource_ids(paths) == before


def artifacts_of(outputs: dict[str, Any]) -> list[str]:
    """The artifacts that a source stack's runs exported."""
    return [artifact for run in outputs["runs"] for artifact in run["artifacts"]]


def blobs_of(outputs: dict[str, Any]) -> list[str]:
    """The names of the blobs in a source stack's hand-over."""
    return sorted(blob["name"] for blob in outputs["handover"]["blobs"])


def assert_arrived(paths: Paths, cloud: CloudDefinition, registry: str, artifacts: list[str]) -> None:
    """Both registries return the same manifests, byte for byte, including children."""
    assert artifacts
    for artifact in artifacts:
        sent = manifests(paths, SOURCE, SOURCE.registry, artifact)
        assert manifests(paths, cloud, registry, artifact) == sent, artifact

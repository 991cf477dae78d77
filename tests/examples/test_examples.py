"""Every example does what it says: images arrive whole, a second `up` is quiet, nothing is left over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from sandbox.facts import SOURCE, TARGET, CloudFacts
from sandbox.places import Places
from tests.examples.conftest import Copy
from tests.examples.example import everything, imported, manifests


@dataclass(frozen=True)
class Case:
    """An example of two stacks that one machine reaches."""

    name: str
    cloud: CloudFacts
    """Where the target is."""

    registry: str
    pipeline: str


CASES = [
    Case("two-clouds", TARGET, "contosotarget", "twoCloudsImport"),
    Case("one-subscription", SOURCE, "contosocopy", "oneSubscriptionImport"),
    Case("managed-identity", TARGET, "contosotarget", "managedIdentityImport"),
    Case("reuse", TARGET, "contosoregion", "landingZoneImport"),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_two_stacks_move_images_and_prove_them(case: Case, copied: Copy, places: Places) -> None:
    before = everything(places)
    example = copied(case.name)
    source, target = f"{case.name}-source", f"{case.name}-target"
    example.up_from_nothing(source)
    example.up_from_nothing(target)
    stacks = ("--source", source, "--target", target)
    example.run("acr-transfer", "hop", *stacks)
    said = example.run("acr-transfer", "prove", *stacks, "--wait", "120")
    artifacts = artifacts_of(example.outputs(source))
    assert f"{len(artifacts)} of {len(artifacts)} artifacts proved" in said
    assert_arrived(places, case.cloud, case.registry, artifacts)
    assert imported(places, case.cloud, case.pipeline) == blobs_of(example.outputs(source))
    for stack in (source, target):
        example.up_changes_nothing(stack)
    assert "sig=" not in example.said
    example.destroy(source, target)
    assert everything(places) == before


def artifacts_of(outputs: dict[str, Any]) -> list[str]:
    """What a source stack's runs have exported."""
    return [artifact for run in outputs["runs"] for artifact in run["artifacts"]]


def blobs_of(outputs: dict[str, Any]) -> list[str]:
    """The names of the blobs in a source stack's hand-over."""
    return sorted(blob["name"] for blob in outputs["handover"]["blobs"])


def assert_arrived(places: Places, cloud: CloudFacts, registry: str, artifacts: list[str]) -> None:
    """Both registries give out the same manifests, byte for byte, children among them."""
    assert artifacts
    for artifact in artifacts:
        sent = manifests(places, SOURCE, SOURCE.registry, artifact)
        assert manifests(places, cloud, registry, artifact) == sent, artifact

"""What a target stack accepts from a source stack."""

from __future__ import annotations

from typing import Any

import pulumi
import pytest

from components.handover import handover_document, handover_of_stack, qualified_stack_name, was_deployed
from tests.component.mock_azure import Deploy

STACK = "organization/acr-transfer/source"
GOOD: dict[str, Any] = {
    **handover_document(
        "images.example", "https://storage.example/a/transfer", [{"name": "one", "artifacts": ["app:1"]}]
    )
}


def test_a_good_hand_over_is_read(deploy: Deploy) -> None:
    deployed = deploy(lambda: handover_of_stack(STACK), stacks={STACK: {"handover": GOOD}})
    assert deployed.value == GOOD


@pytest.mark.parametrize(
    ("outputs", "words"),
    [
        ({}, "has no output 'handover'"),
        ({"url": "https://example"}, "has no output 'handover'"),
        ({"handover": {**GOOD, "schema": 2}}, "is of schema 2"),
        ({"handover": "text"}, "is no JSON object"),
        ({"handover": {"schema": 1}}, "does not fit its schema"),
        ({"handover": {**GOOD, "blobs": [{"name": "one"}]}}, "does not fit its schema"),
        ({"handover": {**GOOD, "blobs": []}}, "was changed after it was written"),
    ],
)
def test_any_other_is_refused_before_anything_is_made(
    deploy: Deploy, outputs: dict[str, Any], words: str
) -> None:
    with pytest.raises(pulumi.RunError, match=words):
        deploy(lambda: handover_of_stack(STACK), stacks={STACK: outputs})
    assert deploy.last.custom == ["pulumi:pulumi:StackReference"]


def test_a_stack_that_was_never_made_is_refused_with_what_to_do(deploy: Deploy) -> None:
    with pytest.raises(pulumi.RunError, match=f"pulumi up -s {STACK}"):
        deploy(
            lambda: handover_of_stack(STACK),
            missing={"pulumi:pulumi:readStackOutputs"},
        )
    assert deploy.last.custom == []


@pytest.mark.parametrize(("outputs", "expected"), [({}, False), ({"runs": []}, True)])
def test_a_stack_was_deployed_if_it_has_outputs(
    deploy: Deploy, outputs: dict[str, Any], expected: bool
) -> None:
    deployed = deploy(lambda: was_deployed(STACK), stacks={STACK: outputs})
    assert deployed.value is expected


def test_a_state_that_is_being_written_is_looked_at_again(deploy: Deploy) -> None:
    deployed = deploy(lambda: was_deployed(STACK), stacks={STACK: {"runs": []}}, half_written=3)
    assert deployed.value is True


def test_a_state_that_stays_unreadable_is_refused_with_the_engines_words(deploy: Deploy) -> None:
    with pytest.raises(pulumi.RunError, match="cannot be read: failed to load checkpoint: EOF"):
        deploy(lambda: handover_of_stack(STACK), half_written=9)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("source", STACK), ("other/source", "organization/other/source"), ("a/b/c", "a/b/c")],
)
def test_a_short_stack_name_means_the_same_organization_and_project(name: str, expected: str) -> None:
    assert qualified_stack_name(name, "organization", "acr-transfer") == expected

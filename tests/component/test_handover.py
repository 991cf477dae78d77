"""The hand-over of a source stack, as a target stack reads it."""

from __future__ import annotations

from typing import Any

import pulumi
import pytest

from acr_transfer.model.documents.handover import Handover
from components.handover import handover_of_stack, qualified_stack_name
from components.sdk import stack_outputs
from tests.component.mock_azure import Deploy

STACK = "organization/acr-transfer/source"
HANDOVER = Handover.of(
    "images.example",
    "https://storage.example/a/transfer",
    [{"name": "one", "artifacts": ["app:1"], "size": 12}],
)
GOOD = HANDOVER.as_json()


def test_a_good_hand_over_is_read(deploy: Deploy) -> None:
    deployed = deploy(lambda: handover_of_stack(STACK), stacks={STACK: {"handover": GOOD}})
    assert deployed.value == HANDOVER


@pytest.mark.parametrize(
    ("outputs", "words"),
    [
        ({}, "has no output 'handover'"),
        ({"url": "https://example"}, "has no output 'handover'"),
        ({"handover": {**GOOD, "schema": 2}}, "has schema 2"),
        ({"handover": "text"}, "is not a JSON object"),
        ({"handover": {"schema": 1}}, "has . fault"),
        ({"handover": {**GOOD, "blobs": [{"name": "one"}]}}, "has . fault"),
        ({"handover": {**GOOD, "blobs": []}}, "was changed after it was written"),
    ],
)
def test_an_invalid_hand_over_fails_before_anything_is_created(
    deploy: Deploy, outputs: dict[str, Any], words: str
) -> None:
    with pytest.raises(pulumi.RunError, match=words):
        deploy(lambda: handover_of_stack(STACK), stacks={STACK: outputs})
    assert deploy.last.custom == ["pulumi:pulumi:StackReference"]


def test_a_missing_stack_is_an_error_with_the_command_that_deploys_it(deploy: Deploy) -> None:
    with pytest.raises(
        pulumi.RunError,
        match=f"  pulumi up -s {STACK}\n  pulumi up -s .*\nTo use another stack:\n  set source to <name>",
    ):
        deploy(
            lambda: handover_of_stack(STACK),
            missing={"pulumi:pulumi:readStackOutputs"},
        )
    assert deploy.last.custom == []


def test_a_state_that_is_being_written_is_read_again(deploy: Deploy) -> None:
    deployed = deploy(lambda: stack_outputs(STACK), stacks={STACK: {"runs": []}}, half_written=3)
    assert deployed.value == {"runs": []}


def test_a_state_that_stays_unreadable_is_an_error_with_the_engines_message(deploy: Deploy) -> None:
    with pytest.raises(pulumi.RunError, match="cannot be read: failed to load checkpoint: EOF"):
        deploy(lambda: handover_of_stack(STACK), half_written=9)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("source", STACK), ("other/source", "organization/other/source"), ("a/b/c", "a/b/c")],
)
def test_a_short_stack_name_means_the_same_organization_and_project(name: str, expected: str) -> None:
    assert qualified_stack_name(name, "organization", "acr-transfer") == expected

"""The failures as data: recognised by their messages, with commands that a shell accepts."""

from __future__ import annotations

import shlex

import pytest

from acr_transfer.model.failures.failure import Cause, Failure, Way
from acr_transfer.model.failures.steps import AddItem, RemoveKey, Run, SetKey, Step
from acr_transfer.model.failures.table import FAILURES, failure_of_run
from acr_transfer.model.failures.transfers import RUN_FAILURES, UNKNOWN
from stack.keys import BY_NAME

VAULT = "Failed to access key vault.  Status:"
PIPELINE = (
    "/subscriptions/s/resourceGroups/vault-403/providers/Microsoft.ContainerRegistry/registries/storage/"
    "exportPipelines/blob"
)
STORAGE = "Failed to access storage.  Service request failed.  Status:"
MESSAGES = {
    f"{VAULT} 403 (The user 'oid=p' does not have secrets get permission on 'v'.)": "vault-permission",
    f"{VAULT} 403 (Client address is not authorized and caller is not a trusted service.)": "vault-firewall",
    f"{VAULT} 404 (A secret with (name/id) x was not found)": "secret-missing",
    "Failed to access key vault.  https://v.example/secrets/any does not answer.": "vault-missing",
    f"{STORAGE} 403 (AuthenticationFailed)": "token-rejected",
    f"{STORAGE} 403 (AuthorizationPermissionMismatch)": "token-rights",
    f"{STORAGE} 403 (This request is not authorized to perform this operation)": "storage-firewall",
    f"{STORAGE} 404 (ContainerNotFound)": "container-missing",
    f"{STORAGE} 404 (BlobNotFound)": "blob-missing",
    "The blob 'b1' exists already.": "blob-exists",
    "The tag 'a:1' exists already with another digest.": "tag-exists",
    "Artifacts not found in registry 'contoso': 'a:1'.": "artifact-missing",
    "51 artifacts; a run takes at most 50.": "too-many-artifacts",
    f"{STORAGE} 404 (The blob 'x403e429' does not exist: BlobNotFound)": "blob-missing",
    f"The pipeline '{PIPELINE}' was not found.": "pipeline-missing",
    f"The Resource '{PIPELINE[1:]}' under resource group 'g' was not found.": "pipeline-missing",
    f"The pipeline '{PIPELINE}' does not have a SAS token.": "unknown",
    "Artifacts not found in registry 'contoso': 'secret/export-policy:1'.": "artifact-missing",
    "The tag 'corrupt/archive:tar' exists already with another digest.": "tag-exists",
}


@pytest.mark.parametrize("message", MESSAGES)
def test_a_runs_error_message_is_recognised(message: str) -> None:
    assert failure_of_run(message).name == MESSAGES[message]


def test_an_unknown_message_is_reported_as_unknown_with_what_support_needs() -> None:
    assert failure_of_run("The moon is full, and the target knows.") == UNKNOWN
    assert UNKNOWN not in RUN_FAILURES
    assert "correlationId" in Cause(UNKNOWN).fix


def steps(failure: Failure) -> list[Step]:
    return [step for way in failure.ways for step in way.steps]


@pytest.mark.parametrize("name", FAILURES)
def test_a_failure_has_what_recognises_it_and_ways_whose_keys_exist(name: str) -> None:
    failure = FAILURES[name]
    assert failure.pattern or failure.seen
    assert failure.why.endswith(".")
    for step in steps(failure):
        if isinstance(step, (SetKey, AddItem, RemoveKey)):
            key = BY_NAME[step.key.partition("[")[0]]
            assert (key.type == "array") is (isinstance(step, AddItem) or "[" in step.key) or isinstance(
                step, RemoveKey
            )


@pytest.mark.parametrize("name", FAILURES)
def test_a_shell_accepts_every_command(name: str) -> None:
    for step in steps(FAILURES[name]):
        words = shlex.split(step.command({}))
        assert words[0] in ("pulumi", "az", "acr-transfer", "find")
        assert not {"then", "or", "and", "&&"} & set(words)


def test_names_are_filled_and_quoted_and_unknown_ones_stay_for_the_user() -> None:
    step = SetKey("sasExpiry", "{later}")
    assert step.command({"stack": "a b"}) == "pulumi config set acr-transfer:sasExpiry <later> -s 'a b'"
    added = AddItem("options", "OverwriteTags").command({"items": "1", "stack": "s"})
    assert added == "pulumi config set --path 'acr-transfer:options[1]' OverwriteTags -s s"


def test_only_the_ways_that_a_stack_can_use_are_shown() -> None:
    ways = (
        Way(purpose="To go", steps=(Run("pulumi a"), Run("pulumi b"))),
        Way(purpose="With a vault", steps=(Run("pulumi c"),), when={"vault": "*"}),
        Way(purpose="Without", steps=(Run("pulumi d"),), unless={"vault": "*"}, side="source"),
    )
    failure = Failure(name="f", why="Why.", ways=ways, seen="never")
    assert [way for way, _ in Cause(failure).ways()] == ["To go", "With a vault", "Without"]
    alone = Cause(failure, {}, "target", {"vault": ""})
    assert [way for way, _ in alone.ways()] == ["To go"]
    assert [way for way, _ in alone.fixes] == [""]
    found = Cause(failure, {}, "source", {})
    assert found.fix == "To go: pulumi a && pulumi b; Without: pulumi d"
    assert found.commands == ["pulumi a", "pulumi b"]
    assert found.advice() == "To go:\n  pulumi a\n  pulumi b\nWithout:\n  pulumi d"

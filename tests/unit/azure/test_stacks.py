"""A stack's outputs are checked before they are used."""

from __future__ import annotations

from pathlib import Path

import pytest

from acr_transfer.azure import connect
from acr_transfer.azure.stacks import Stack, read_stack
from acr_transfer.errors import StackError
from acr_transfer.operate.deploy import deploy
from acr_transfer.review.engine import preview
from acr_transfer.review.pack import ReviewError

PIPELINE = (
    "/subscriptions/{}/resourceGroups/g/providers/Microsoft.ContainerRegistry/registries/r/importPipelines/p"
)


@pytest.mark.parametrize(
    ("config", "outputs", "expected"),
    [
        ({"azure-native:subscriptionId": "one"}, {"importPipelineId": PIPELINE.format("two")}, "one"),
        ({}, {"importPipelineId": PIPELINE.format("two")}, "two"),
        ({}, {"exportPipelineId": PIPELINE.format("three"), "importPipelineId": None}, "three"),
    ],
)
def test_the_subscription_is_the_configured_or_the_pipelines(
    config: dict[str, str], outputs: dict[str, str | None], expected: str
) -> None:
    assert connect.subscription(Stack(name="s", outputs=outputs, config=config)) == expected


def test_a_stack_without_subscription_names_the_key_to_set() -> None:
    with pytest.raises(StackError, match="set azure-native:subscriptionId"):
        connect.subscription(Stack(name="s", outputs={}))


@pytest.mark.parametrize(
    "url",
    ["http://a/c", "https://a/", "https://a", "https://a/c?sv=1&sig=SECRET", "https://SECRET@a/c", "SECRET"],
)
def test_a_container_url_that_is_not_plain_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(StackError, match="not a plain https URL") as refused:
        Stack(name="s", outputs={"containerUrl": url}).container_url()
    assert "SECRET" not in str(refused.value)


@pytest.mark.parametrize(
    ("handover", "words"),
    [
        (None, "has no output 'handover'"),
        ("text", "The hand-over of stack s is not a JSON object"),
        ({}, "schema is missing"),
        ({"schema": 2, "blobs": []}, "has schema 2"),
        ({"schema": 1, "blobs": [{"name": "b"}]}, r"blobs\[0\].artifacts is missing"),
        ({"schema": 1, "blobs": ["b"]}, r'blobs\[0\] is "b"; expected an object'),
    ],
)
def test_a_hand_over_that_cannot_be_read_is_refused_with_the_reason(handover: object, words: str) -> None:
    with pytest.raises(StackError, match=words):
        Stack(name="s", outputs={"loginServer": "l", "handover": handover}).handover()


@pytest.mark.parametrize(
    ("printed", "words"),
    [
        ("[" * 2000, "is nested too deeply"),
        ('{"a": 1, "a": 2}', "is not valid JSON"),
        ("nope", "is not valid JSON"),
    ],
)
def test_an_output_of_pulumi_that_is_not_json_is_refused_with_the_reason(
    printed: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "pulumi"
    program.write_text(f"#!/bin/sh\nprintf '%s' '{printed}'\n")
    program.chmod(0o700)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(StackError, match=f"the output of `pulumi` for stack 's' {words}"):
        read_stack("s", tmp_path)
    with pytest.raises(ReviewError, match="An event of `pulumi` is not valid JSON"):
        preview("s", tmp_path, _events(program), tmp_path)


def _events(program: Path) -> Path:
    program.write_text("#!/bin/sh\nprintf '{nope\\n'\n")
    return program.parent


def test_ship_without_pulumi_is_one_clear_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StackError, match="is it on PATH"):
        deploy("s", tmp_path, None)

"""What Azure accepts as the name of a pipeline, a run or a blob."""

from __future__ import annotations

import pytest

from policy.framework.names import blob_name_fault, pipeline_name_fault


@pytest.mark.parametrize("name", ["abcde", "A1b2C", "a" * 50])
def test_five_to_fifty_letters_and_digits_name_a_pipeline(name: str) -> None:
    assert pipeline_name_fault(name) == ""


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("", "0 characters"),
        ("abcd", "4 characters"),
        ("a" * 51, "51 characters"),
        ("export-pipeline", "other characters"),
        ("export_pipeline", "other characters"),
        ("exportpipelinë", "other characters"),
        ("abcde\n", "other characters"),
    ],
)
def test_anything_else_does_not_and_is_told_why(name: str, words: str) -> None:
    assert words in pipeline_name_fault(name)


@pytest.mark.parametrize("name", ["b", "a/b.tar", "b" * 1024, "..b", "/b"])
def test_a_blob_may_be_named_so(name: str) -> None:
    assert blob_name_fault(name) == ""


@pytest.mark.parametrize(
    ("name", "words"),
    [("", "is empty"), ("b" * 1025, "1025 characters"), ("a/", "ends in '/'"), ("a.", "ends in '.'")],
)
def test_a_blob_may_not_be_named_so(name: str, words: str) -> None:
    assert words in blob_name_fault(name)

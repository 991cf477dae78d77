"""A list of artifacts is read as people write it, and all its faults are told at once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.artifact_list import ListingError, artifacts_of
from components.artifacts import Artifact

HEX = "0123456789abcdef" * 4


def references(text: str | list[str], registry: str = "contoso") -> list[str]:
    return [artifact.reference for artifact in artifacts_of(text, registry)]


def test_a_list_is_read_without_its_comments_and_white_space() -> None:
    text = (
        f"\ufeff# what we ship\r\n\r\n  shop/web:1.4.0  # the shop\r\n\tbase\r\nbase@sha256:{HEX}\r\n   # end"
    )
    assert references(text) == ["shop/web:1.4.0", "base:latest", f"base@sha256:{HEX}"]


def test_lines_may_come_one_by_one() -> None:
    assert references(["app:1", "", "# none", "docker.io/library/nginx:1"]) == [
        "app:1",
        "docker.io/library/nginx:1",
    ]


@pytest.mark.parametrize("text", ["", "\n\n", "# only words\n", []])
def test_nothing_listed_is_nothing(text: str | list[str]) -> None:
    assert artifacts_of(text) == []


def test_one_error_names_every_fault_with_its_line() -> None:
    text = f"""# faults
app
contoso.example/app:1
App:1

app:latest # again
base@sha256:12
app:1#2
base@sha256:{HEX}
base@sha256:{HEX}
"""
    with pytest.raises(ListingError) as raised:
        artifacts_of(text, "contoso")
    message = str(raised.value).splitlines()
    assert message[0] == "The list of artifacts has 6 faults:"
    expected = [
        (3, "names a registry, 'contoso.example'; expected the artifact alone, as in 'app:1'"),
        (4, "upper case in its repository; expected 'app'"),
        (6, "names 'app:latest', as line 2 does"),
        (7, "a digest of 2 characters"),
        (8, "no legal tag"),
        (10, f"names 'base@sha256:{HEX}', as line 9 does"),
    ]
    assert [fault.line for fault in raised.value.faults] == [line for line, _ in expected]
    for line, (number, words) in zip(message[1:], expected, strict=True):
        assert line.startswith(f"  line {number}: ")
        assert words in line


@given(st.lists(st.text(max_size=30) | st.sampled_from(["app", "app:latest", "app:1 # x", "App", "#"])))
def test_any_lines_are_read_or_refused_line_by_line(lines: list[str]) -> None:
    bad = refused(lines)
    assert bad <= set(range(1, len(lines) + 1))
    found = artifacts_of(line for number, line in enumerate(lines, start=1) if number not in bad)
    assert len(set(found)) == len(found)
    assert all(Artifact.parse(artifact.reference) == artifact for artifact in found)


def refused(lines: list[str]) -> set[int]:
    try:
        artifacts_of(lines)
    except ListingError as error:
        return {fault.line for fault in error.faults}
    return set()

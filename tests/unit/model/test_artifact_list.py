"""Lists of artifacts: every spelling that people write, and all faults at once."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acr_transfer.model.artifact_list import ArtifactListError, parse_artifact_list, read_artifact_list

TEXT = "# images\napp:1   # the shop\n\n  tools\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_list_is_read_in_every_encoding(encoding: str, end: str, tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_bytes(TEXT.replace("\n", end).encode(encoding))
    assert [one.reference for one in read_artifact_list(path)] == ["app:1", "tools:latest"]


def test_all_faults_are_reported_at_once_with_their_lines(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_text("app\nApp:1\napp:latest # again\nlocalhost/x:1\n")
    with pytest.raises(ArtifactListError) as raised:
        read_artifact_list(path)
    assert str(raised.value) == (
        f"The list of artifacts {path} has 3 faults:\n"
        "  line 2: 'App:1' has upper case letters in its repository; expected 'app'\n"
        "  line 3: 'app:latest' repeats 'app:latest' of line 1; expected each artifact once\n"
        "  line 4: 'localhost/x:1' begins with a registry's host, 'localhost'; "
        "expected the artifact alone, as in 'x:1'"
    )
    assert list(raised.value.faults) == [2, 3, 4]


def test_a_hundred_faults_are_listed_and_the_rest_is_counted() -> None:
    with pytest.raises(ArtifactListError) as raised:
        parse_artifact_list("A\n" * 100_000)
    first, *lines = str(raised.value).splitlines()
    assert first == "The list of artifacts has 100000 faults:"
    assert (len(lines), lines[-1]) == (101, "  and 99900 more")


@given(st.lists(st.sampled_from(["app:1", "b", "c/d", "", "  ", "# x", "e:2 # y"]), unique=True))
def test_a_list_without_faults_keeps_its_order(lines: list[str]) -> None:
    expected = [line.partition(" ")[0] for line in lines if line.strip() and not line.startswith("#")]
    found = [one.reference.removesuffix(":latest") for one in parse_artifact_list("\n".join(lines))]
    assert found == expected

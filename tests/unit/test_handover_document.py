"""The hand-over as a file: what is read, and what is refused with the reason."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from components.documents import checksum_of
from components.handover import HandoverError, handover_document, handover_of_file

BLOB = {"name": "one", "artifacts": ["app:1"]}
GOOD: dict[str, Any] = {
    **handover_document("images.example", "https://storage.example/a/transfer", [BLOB])  # type: ignore[list-item]
}


def written(folder: Path, document: Any) -> Path:
    path = folder / "handover.json"
    path.write_text(document if isinstance(document, str) else json.dumps(document, indent=2))
    return path


def signed(**changes: Any) -> dict[str, Any]:
    document = {**GOOD, **changes}
    return {**document, "checksum": checksum_of(document)}


def test_a_file_is_read_with_what_packing_added_and_what_is_not_known_here(tmp_path: Path) -> None:
    packed = {**BLOB, "size": 12, "contentMd5": f"{'A' * 22}==", "sha256": "0" * 64, "part": "ä"}
    document = signed(blobs=[packed], packedBy="a later version")
    assert handover_of_file(written(tmp_path, document)) == document


ENTRY = {
    "reference": f"app@sha256:{'1' * 64}",
    "digest": f"sha256:{'2' * 64}",
    "mediaType": "m",
    "size": 1,
    "children": [],
    "referrers": [],
}


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ("", "is no JSON"),
        ("[]", "is no JSON object"),
        (signed(schema=2), "is of schema 2, newer than 1"),
        (signed(source={"loginServer": "a b"}), "source.containerUrl is missing"),
        (
            signed(source={"loginServer": "a", "containerUrl": "https://a.example/transfer?sv=1&sig=x"}),
            "expected an https address without a token",
        ),
        (signed(blobs=[{"name": "one"}]), "blobs[0].artifacts is missing"),
        (signed(blobs=[BLOB, BLOB]), "names blob one twice"),
        (signed(artifacts=[ENTRY]), "another digest"),
        ({**GOOD, "blobs": []}, "was changed after it was written"),
        ({**GOOD, "note": "x"}, "was changed after it was written"),
    ],
)
def test_any_other_file_is_refused_with_the_reason_and_what_to_do(
    tmp_path: Path, document: Any, words: str
) -> None:
    with pytest.raises(HandoverError) as raised:
        handover_of_file(written(tmp_path, document))
    assert words in str(raised.value)
    assert "acr-transfer" in str(raised.value) or "pulumi stack output handover" in str(raised.value)


def test_a_file_that_is_not_there_is_named_with_the_command_that_writes_it(tmp_path: Path) -> None:
    path = tmp_path / "none.json"
    with pytest.raises(HandoverError, match=r"none\.json is not there\.\n.*pulumi stack output handover"):
        handover_of_file(path)

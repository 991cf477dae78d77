"""The hand-over as a document: schema and code say the same, and what was changed is seen."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema.exceptions import ValidationError
from jsonschema.protocols import Validator

from components.documents import checksum_of
from components.handover import SHAPE, HandoverError, handover_document, handover_of_file

SCHEMA = Path(__file__).resolve().parents[2] / "docs" / "handover.schema.json"


def _pattern(validator: Validator, pattern: str, value: Any, schema: Any) -> Iterator[ValidationError]:
    """JSON Schema's `$` is the end of the text; Python's also matches before a last line break."""
    del validator, schema
    if isinstance(value, str) and not re.search(pattern.removesuffix("$") + r"\Z", value):
        yield ValidationError(f"{value!r} does not match {pattern!r}")


VALIDATOR = jsonschema.validators.extend(  # type: ignore[no-untyped-call]
    jsonschema.Draft202012Validator, {"pattern": _pattern}
)(json.loads(SCHEMA.read_text()))


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


hexes = st.text("0123456789abcdef", min_size=64, max_size=64)
digests = hexes.map("sha256:{}".format)
texts = st.text(min_size=1, max_size=8)
sizes = st.integers(0, 1 << 50)
tagged = st.from_regex(
    r"[a-z0-9]{1,8}(/[a-z0-9]{1,4}(__|\.|-{1,2})[a-z]){0,2}:[A-Za-z0-9_]{1,9}", fullmatch=True
)
references = tagged | st.builds("app@{}".format, digests)
children = st.fixed_dictionaries(
    {"digest": digests, "mediaType": texts, "size": sizes}, optional={"platform": texts}
)
entries = st.fixed_dictionaries(
    {
        "reference": references,
        "digest": digests,
        "mediaType": texts,
        "size": sizes,
        "children": st.lists(children, max_size=2),
        "referrers": st.lists(digests, max_size=2),
    },
    optional={"artifactType": texts, "subject": digests},
)
blobs = st.fixed_dictionaries(
    {"name": texts, "artifacts": st.lists(references, min_size=1, max_size=2)},
    optional={
        "size": sizes,
        "contentMd5": st.binary(min_size=16, max_size=16).map(_base64),
        "sha256": hexes,
    },
)
documents = st.fixed_dictionaries(
    {
        "schema": st.just(1),
        "source": st.fixed_dictionaries(
            {
                "loginServer": st.sampled_from(["images.example", "127.0.0.1:5000"]),
                "containerUrl": st.sampled_from(["https://a.example/transfer", "https://[::1]:1/a/$root"]),
            }
        ),
        "blobs": st.lists(blobs, max_size=2),
        "artifacts": st.lists(entries, max_size=2),
        "checksum": digests,
    },
    optional={"more": texts},
)
ODD: list[Any] = [None, True, False, -2, 1, 3, 1.0, 0.5, -1.0, [], [1], {}, "", "a:1\n"]
odd = st.sampled_from(ODD) | texts | references | digests.map(str.upper)


@settings(deadline=None)
@given(documents)
def test_every_good_document_fits_the_code_and_the_schema(document: Any) -> None:
    assert list(SHAPE(document, "")) == []
    assert [error.message for error in VALIDATOR.iter_errors(document)] == []


@settings(max_examples=200, deadline=None)
@given(documents, st.data())
def test_code_and_schema_agree_on_every_change_of_a_good_document(document: Any, data: st.DataObject) -> None:
    places = list(_places(document))
    holder, key = data.draw(st.sampled_from(places))
    if data.draw(st.booleans()):
        holder[key] = data.draw(odd)
    else:
        del holder[key]
    assert (list(SHAPE(document, "")) == []) is VALIDATOR.is_valid(document)


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    members = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for key, each in members:
        yield value, key
        yield from _places(each)


def test_the_schema_is_one_and_describes_what_it_names() -> None:
    schema = json.loads(SCHEMA.read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    assert [key for key, each in schema["properties"].items() if not each.get("description")] == []


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
    assert VALIDATOR.is_valid(document)
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


@settings(max_examples=40, deadline=None)
@given(documents, st.data())
def test_any_change_of_a_value_is_another_checksum(document: Any, data: st.DataObject) -> None:
    before = checksum_of(document)
    holder, key = data.draw(st.sampled_from([p for p in _places(document) if p[1] != "checksum"]))
    holder[key] = [holder[key]]
    assert checksum_of(document) != before

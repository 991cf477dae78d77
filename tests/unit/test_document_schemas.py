"""Lock and hand-over as documents: the published schemas and the code say the same of all of them."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema.exceptions import ValidationError
from jsonschema.protocols import Validator

from components import handover, lock
from components.documents import checksum_of
from components.schema_checks import Check

DOCS = Path(__file__).resolve().parents[2] / "docs"


def _pattern(validator: Validator, pattern: str, value: Any, schema: Any) -> Iterator[ValidationError]:
    """JSON Schema's `$` is the end of the text; Python's also matches before a last line break."""
    del validator, schema
    if isinstance(value, str) and not re.search(pattern.removesuffix("$") + r"\Z", value):
        yield ValidationError(f"{value!r} does not match {pattern!r}")


VALIDATOR = jsonschema.validators.extend(  # type: ignore[no-untyped-call]
    jsonschema.Draft202012Validator, {"pattern": _pattern}
)


@dataclass(frozen=True)
class Kind:
    """One kind of document: what the code checks, what is published, and good ones."""

    name: str
    check: Check
    documents: st.SearchStrategy[Any]

    @property
    def schema(self) -> Any:
        """What is published."""
        return json.loads((DOCS / f"{self.name}.schema.json").read_text())

    @cached_property
    def validator(self) -> Validator:
        """What judges by it."""
        validator: Validator = VALIDATOR(self.schema)
        return validator


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
handovers = st.fixed_dictionaries(
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
locks = st.fixed_dictionaries(
    {
        "schema": st.just(1),
        "registry": st.sampled_from(["images.example", "127.0.0.1:5000"]),
        "artifacts": st.lists(entries, max_size=2),
        "checksum": digests,
    },
    optional={"more": texts},
)
KINDS = [Kind("handover", handover.SHAPE, handovers), Kind("lock", lock.SHAPE, locks)]
each_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
ODD: list[Any] = [None, True, False, -2, 1, 3, 1.0, 0.5, -1.0, [], [1], {}, "", "a:1\n"]
odd = st.sampled_from(ODD) | texts | references | digests.map(str.upper)


@each_kind
@given(data=st.data())
def test_every_good_document_fits_the_code_and_the_schema(kind: Kind, data: st.DataObject) -> None:
    document = data.draw(kind.documents)
    assert list(kind.check(document, "")) == []
    assert [error.message for error in kind.validator.iter_errors(document)] == []


@each_kind
@settings(max_examples=200)
@given(data=st.data())
def test_code_and_schema_agree_on_every_change_of_a_good_document(kind: Kind, data: st.DataObject) -> None:
    document = data.draw(kind.documents)
    holder, key = data.draw(st.sampled_from(list(_places(document))))
    if data.draw(st.booleans()):
        holder[key] = data.draw(odd)
    else:
        del holder[key]
    assert (list(kind.check(document, "")) == []) is kind.validator.is_valid(document)


@settings(max_examples=40)
@given(handovers, st.data())
def test_any_change_of_a_value_is_another_checksum(document: Any, data: st.DataObject) -> None:
    before = checksum_of(document)
    holder, key = data.draw(st.sampled_from([p for p in _places(document) if p[1] != "checksum"]))
    holder[key] = [holder[key]]
    assert checksum_of(document) != before


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    members = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for key, each in members:
        yield value, key
        yield from _places(each)


@each_kind
def test_a_schema_is_one_and_describes_what_it_names(kind: Kind) -> None:
    jsonschema.Draft202012Validator.check_schema(kind.schema)
    assert [key for key, each in kind.schema["properties"].items() if not each.get("description")] == []

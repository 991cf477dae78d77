"""The published schemas and the readers agree on every document."""

from __future__ import annotations

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

from acr_transfer.model.documents.handover import Handover
from acr_transfer.model.documents.json_document import Document, DocumentError, checksum_of
from acr_transfer.model.documents.lock import Lock
from acr_transfer.model.documents.receipt import Receipt
from acr_transfer.model.documents.schemas import DOCUMENTS, schema_of, schema_text
from tests.unit.model.documents_for_tests import digests, handovers, locks, receipts, references, texts

DOCS = Path(__file__).resolve().parents[3] / "docs"


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
    """One kind of document: its name, its model, and good documents."""

    name: str
    model: type[Document]
    documents: st.SearchStrategy[Any]

    @cached_property
    def validator(self) -> Validator:
        """Validates by the published schema."""
        validator: Validator = VALIDATOR(json.loads((DOCS / f"{self.name}.schema.json").read_text()))
        return validator

    def reads(self, document: Any) -> bool:
        """Whether the model reads the document, once its checksum fits."""
        if isinstance(document.get("checksum"), str) and document["checksum"].startswith("sha256:"):
            digest = document["checksum"]
            document = document | ({"checksum": checksum_of(document)} if len(digest) == 71 else {})
        try:
            self.model.check(document)
        except DocumentError:
            return False
        return True


KINDS = [Kind("handover", Handover, handovers), Kind("lock", Lock, locks), Kind("receipt", Receipt, receipts)]
each_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
ODD: list[Any] = [None, True, False, -2, 3, 0.5, [], [1], {}, "", "a:1\n", "https://a.example/x?sig=1"]
odd = st.sampled_from(ODD) | texts | references | digests.map(str.upper)


@each_kind
@settings(max_examples=50)
@given(data=st.data())
def test_every_good_document_is_read_and_fits_its_schema(kind: Kind, data: st.DataObject) -> None:
    document = data.draw(kind.documents)
    assert [error.message for error in kind.validator.iter_errors(document)] == []
    read = kind.model.check(document | {"checksum": checksum_of(document)})
    assert read.as_json() == document | {"checksum": read.checksum}
    assert kind.model.parse(read.content().decode()) == read


@each_kind
@settings(max_examples=200)
@given(data=st.data())
def test_reader_and_schema_agree_on_every_change_of_a_good_document(kind: Kind, data: st.DataObject) -> None:
    document = data.draw(kind.documents)
    holder, key = data.draw(st.sampled_from(list(_places(document))))
    if data.draw(st.booleans()):
        holder[key] = data.draw(odd)
    else:
        del holder[key]
    if kind.reads(document):
        assert kind.validator.is_valid(document)
    elif kind.validator.is_valid(document):
        # JSON Schema cannot compare one value with another.
        references = [one["reference"] for one in document["artifacts"]]
        names = [one["name"] for one in document.get("blobs", ())]
        own = [one for one in document["artifacts"] if "@" in one["reference"]]
        contradicts = any(not one["reference"].endswith(f"@{one['digest']}") for one in own)
        assert contradicts or len(set(references)) < len(references) or len(set(names)) < len(names)


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


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_published_schema_is_current(name: str) -> None:
    fix = "run python -m acr_transfer.model.documents.schemas"
    assert (DOCS / f"{name}.schema.json").read_text() == schema_text(name), fix


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_schema_is_valid_and_describes_what_it_names(name: str) -> None:
    schema = schema_of(name)
    jsonschema.Draft202012Validator.check_schema(schema)
    named = schema["properties"].items()
    described = {key for key, each in named if each.get("description") or "$ref" in each}
    counted = {"proved", "missing", "different", "contradictory", "notProvable", "extra"}
    assert schema["properties"].keys() - described <= counted

"""Reading documents: everything that is not exactly a good document is refused, in plain English."""

from __future__ import annotations

import json
from pathlib import Path
from time import process_time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acr_transfer.file_reader import TextFileError
from acr_transfer.model.documents.faults import shown
from acr_transfer.model.documents.handover import Handover
from acr_transfer.model.documents.json_document import (
    DocumentError,
    checksum_of,
    with_whole_numbers,
)
from acr_transfer.model.documents.lock import Lock
from acr_transfer.model.documents.receipt import Receipt
from acr_transfer.model.errors import ModelError

DIGEST = f"sha256:{'1' * 64}"
ENTRY: dict[str, Any] = {
    "reference": "app:1",
    "digest": DIGEST,
    "mediaType": "m",
    "size": 5,
    "children": [],
    "referrers": [],
}


def lock(**changes: Any) -> dict[str, Any]:
    document = {"schema": 1, "registry": "images.example", "artifacts": [ENTRY], **changes}
    return {"checksum": checksum_of(document), **document}


def refused(document: Any, model: type[Lock] | type[Handover] | type[Receipt] = Lock) -> str:
    with pytest.raises(DocumentError) as raised:
        model.parse(document if isinstance(document, str) else json.dumps(document))
    return str(raised.value)


def test_the_checksum_of_todays_locks_stays_valid() -> None:
    known = {"schema": 1, "registry": "contoso.azurecr.io", "artifacts": [ENTRY | {"mediaType": "ä"}]}
    assert checksum_of(known) == ("sha256:a3d331bfaff22da792635b9e8257cdfd0db877b16ada2c0ad627f23d6d3108f2")


def test_all_faults_are_in_one_message_with_place_found_value_and_expectation() -> None:
    wrong = {
        "reference": "App:1",
        "digest": "x" * 100,
        "mediaType": "",
        "size": -1,
        "children": [{}],
        "referrers": [1],
    }
    assert refused(lock(artifacts=[wrong], registry=None)) == (
        "The lock has 9 faults:\n"
        "  registry is null; expected a registry's host, with or without port\n"
        '  artifacts[0].reference is "App:1"; expected repository:tag or repository@sha256:<64 hex digits>\n'
        f'  artifacts[0].digest is "{"x" * 59}...; expected sha256: and 64 hex digits\n'
        '  artifacts[0].mediaType is ""; expected text that is not empty\n'
        "  artifacts[0].size is -1; expected a number of bytes\n"
        "  artifacts[0].children[0].digest is missing\n"
        "  artifacts[0].children[0].mediaType is missing\n"
        "  artifacts[0].children[0].size is missing\n"
        "  artifacts[0].referrers[0] is 1; expected sha256: and 64 hex digits\n"
        "Fix: create it again: acr-transfer plan --out <file>"
    )


def test_only_ten_faults_are_listed_and_the_rest_is_counted() -> None:
    message = refused(lock(artifacts=[{}, {}, {}]))
    assert message.startswith("The lock has 18 faults:\n")
    assert "\n  and 8 more\n" in message


def test_the_check_of_a_list_ends_after_a_hundred_faulty_entries() -> None:
    faulty: list[object] = [{}] * 200_000
    message = refused(lock(artifacts=[ENTRY, 1, *faulty]))
    first, *_ = message.splitlines()[1:]
    assert first == "  artifacts has 100 faulty entries or more; the rest was not checked"
    assert "\n  artifacts[1] is 1; expected an object\n  artifacts[2].reference is missing\n" in message
    assert message.startswith("The lock has 596 faults:\n")
    twice = [ENTRY | {"reference": f"app:{number // 2}"} for number in range(40)]
    assert "app:9 and 10 more; references must be unique" in refused(lock(artifacts=twice))


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ("", "is not valid JSON"),
        ("{", "is not valid JSON"),
        ("\x00", "is not valid JSON"),
        ("[[]," + "[]," * 1_000_000, "holds too much: more than 1,000,000 brackets and commas"),
        ('["[[[[\\\\\\"[[[[", ' + "[" * 64, "is nested too deeply"),
        (f'{{"schema": {"9" * 5000}}}', "a number has 5,000 digits; expected at most 19"),
        ('{"schema": -1e999}', "the number -1e999 is too large"),
        ("[]", "is not a JSON object"),
        ("[" * 100_000, "is nested too deeply"),
        ('{"a":' * 5_000 + "1" + "}" * 5_000, "is nested too deeply"),
        ('{"schema": 1, "schema": 1}', "the key 'schema' appears twice"),
        ('{"schema": NaN}', "NaN is not a JSON number"),
        ('{"schema": -Infinity}', "-Infinity is not a JSON number"),
        (lock(schema=2), "has schema 2; this version of acr-transfer reads up to 1"),
        (lock(schema=0), "schema is 0; expected 1"),
        (lock(schema=True), "schema is true; expected 1"),
        (lock(schema=1.0), "schema is 1.0; expected 1"),
        (lock(schema="1"), 'schema is "1"; expected 1'),
        (lock(artifacts={}), "artifacts is {}; expected a list"),
        (lock(artifacts=["x"]), 'artifacts[0] is "x"; expected an object'),
        (lock(artifacts=[ENTRY | {"size": 5.0}]), "artifacts[0].size is 5.0; expected a number of bytes"),
        (lock(artifacts=[ENTRY | {"size": True}]), "artifacts[0].size is true; expected a number of bytes"),
        (lock(artifacts=[ENTRY, ENTRY]), "artifacts repeats app:1; references must be unique"),
        (
            lock(artifacts=[ENTRY | {"reference": f"app@sha256:{'2' * 64}"}]),
            f"artifacts[0] has the digest {DIGEST}, but its reference is app@sha256:{'2' * 64}",
        ),
        (lock() | {"checksum": "sha256:0"}, 'checksum is "sha256:0"; expected sha256: and 64 hex digits'),
        (lock() | {"registry": "other"}, "was changed after it was written"),
        (lock() | {"note": "x"}, "was changed after it was written"),
        (json.dumps(lock()).replace("images.example", r"\ud800"), r"half of a character, such as \ud800"),
        (json.dumps(lock()).replace('"schema"', r'"\udfff": 1, "schema"'), "half of a character"),
    ],
)
def test_everything_else_is_refused_with_the_reason_and_the_fix(document: Any, words: str) -> None:
    message = refused(document)
    assert words in message
    assert "\nFix: " in message


def test_a_token_in_a_wrong_place_is_not_shown() -> None:
    source = {"loginServer": "a", "containerUrl": "https://a.example/transfer?sv=1&sig=abc"}
    document = {"schema": 1, "source": source, "blobs": [], "artifacts": []}
    message = refused(document | {"checksum": checksum_of(document)}, Handover)
    assert "sig" not in message
    assert 'source.containerUrl is "https://a.example/transfer?[...]"; expected the https URL' in message


def test_a_file_is_read_in_every_encoding_that_people_write(tmp_path: Path) -> None:
    text = json.dumps(lock(note="ä"), indent=2, ensure_ascii=False)
    path = tmp_path / "lock.json"
    for encoding in ("utf-8", "utf-8-sig", "utf-16"):
        path.write_bytes(text.replace("\n", "\r\n").encode(encoding))
        assert Lock.read(path).as_json()["note"] == "ä"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(TextFileError, match="is neither UTF-8 nor UTF-16"):
        Lock.read(path)


def test_a_missing_file_is_named_with_the_command_that_writes_it(tmp_path: Path) -> None:
    path = tmp_path / "lock.json"
    with pytest.raises(ModelError) as raised:
        Lock.read(path)
    assert str(raised.value) == (
        f"The lock {path} cannot be read: No such file or directory.\n"
        f"Fix: create it again: acr-transfer plan --out {path}"
    )


def test_a_file_is_written_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "new folder" / "lock.json"
    Lock.check(lock()).write(path)
    assert Lock.read(path).as_json() == lock()
    assert list(path.parent.iterdir()) == [path]
    (tmp_path / "file").touch()
    with pytest.raises(TextFileError, match="cannot be written"):
        Lock.check(lock()).write(tmp_path / "file" / "lock.json")


@given(
    st.recursive(st.none() | st.booleans() | st.floats() | st.integers() | st.text(), st.lists, max_leaves=9)
)
def test_no_json_value_ends_in_anything_but_a_document_error(value: Any) -> None:
    for document in (value, {"schema": value}, lock(artifacts=value), lock(more=value)):
        with pytest.raises(DocumentError):
            Lock.check(document | {"checksum": DIGEST} if isinstance(document, dict) else document)


def test_numbers_that_passed_through_the_engine_are_whole_again() -> None:
    engine = {"schema": 1.0, "list": [2.0, 0.5, "3.0", None, True]}
    assert json.dumps(with_whole_numbers(engine)) == '{"schema": 1, "list": [2, 0.5, "3.0", null, true]}'


def test_a_value_of_a_million_entries_is_shown_by_its_beginning() -> None:
    started = process_time()
    for _ in range(50):
        assert shown([{"parts": []}] * 1_000_000).startswith('[{"parts": []}, {"parts": []}')
    assert process_time() - started < 5

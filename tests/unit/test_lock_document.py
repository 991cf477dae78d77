"""The lock: the same artifacts give the same bytes, and nothing that was changed is believed."""

from __future__ import annotations

import asyncio
import json
import random
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acr_transfer.errors import InputError
from acr_transfer.lock import Child, Entry, Lock, difference, lock_faults, read_lock
from acr_transfer.receipt import Proved, Receipt, read_receipt, receipt_for

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = json.loads((ROOT / "docs/lock.schema.json").read_text())
RECEIPT_SCHEMA = json.loads((ROOT / "docs/receipt.schema.json").read_text())

digests = st.integers(0, 2**256 - 1).map("sha256:{:064x}".format)
names = st.sampled_from(["app", "shop/web", "a/b/c", "tools__x", "x-y.z"])
tags = st.text("Aa0._-", min_size=1, max_size=6).map("v{}".format)
words = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
children = st.builds(
    Child,
    digest=digests,
    media_type=words,
    size=st.integers(0, 2**40),
    platform=st.sampled_from(["", "linux/amd64"]),
)


@st.composite
def entries(draw: st.DrawFn) -> Entry:
    digest = draw(digests)
    name = draw(names)
    reference = f"{name}:{draw(tags)}" if draw(st.booleans()) else f"{name}@{digest}"
    return Entry(
        reference=reference,
        digest=digest,
        media_type=draw(words),
        size=draw(st.integers(0, 2**50)),
        artifact_type=draw(st.one_of(st.just(""), words)),
        subject=draw(st.one_of(st.just(""), digests)),
        children=tuple(draw(st.lists(children, max_size=3))),
        referrers=tuple(draw(st.lists(digests, max_size=3))),
    )


locks = st.lists(entries(), max_size=8, unique_by=lambda entry: entry.reference)


@settings(max_examples=30)
@given(locks, st.randoms())
def test_the_same_artifacts_give_the_same_bytes_whatever_their_order(
    listed: list[Entry], chance: random.Random
) -> None:
    shuffled = list(listed)
    chance.shuffle(shuffled)
    content = Lock.made("host:1", listed).content()
    assert Lock.made("host:1", [*shuffled, *listed]).content() == content
    document = json.loads(content)
    assert [entry["reference"] for entry in document["artifacts"]] == sorted(
        entry.reference for entry in listed
    )
    jsonschema.validate(document, SCHEMA)


@settings(max_examples=30)
@given(locks)
def test_a_lock_that_was_written_is_read_as_it_was(listed: list[Entry]) -> None:
    lock = Lock.made("host:1", listed)
    document = json.loads(lock.content())
    assert Lock(registry=document["registry"], entries=tuple(map(Entry.of, document["artifacts"]))) == lock
    assert list(lock_faults(document)) == []


def entry(reference: str, number: int = 1, **more: Any) -> Entry:
    digest = reference.partition("@")[2] or f"sha256:{number:064x}"
    return Entry(reference=reference, digest=digest, media_type="m", size=number, **more)


def test_a_file_is_written_and_read(tmp_path: Path) -> None:
    lock = Lock.made("host:1", [entry("app:v1"), entry("tool:v2", 2)])
    lock.write(tmp_path / "new folder" / "lock.json")
    assert read_lock(tmp_path / "new folder" / "lock.json") == lock
    assert list((tmp_path / "new folder").iterdir()) == [tmp_path / "new folder" / "lock.json"]


def test_every_change_by_hand_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "lock.json"
    Lock.made("host:1", [entry("app:v1")]).write(path)
    sound = path.read_text()
    for before, after in (
        (f"{1:064x}", f"{2:064x}"),
        ("app:v1", "app:v2"),
        ("host:1", "host:2"),
        ('"size": 1', '"size": 2'),
    ):
        assert before in sound
        path.write_text(sound.replace(before, after))
        with pytest.raises(InputError, match=r"checksum: .* does not fit the content"):
            read_lock(path)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"schema": 2}, "has schema 2; this command reads 1"),
        ({"registry": ""}, "registry: ''; expected a text"),
        ({"artifacts": {}}, "artifacts: not a list"),
        ({"artifacts": ["x"]}, r"artifacts\[0\]: not an object"),
        ({"checksum": "sha256:0"}, "checksum: 'sha256:0' does not fit"),
    ],
)
def test_a_lock_that_does_not_fit_its_schema_is_refused_with_the_reason(
    change: dict[str, Any], words: str, tmp_path: Path
) -> None:
    document = Lock.made("host:1", [entry("app:v1")]).document() | change
    (tmp_path / "lock.json").write_text(json.dumps(document))
    with pytest.raises(InputError, match=words) as refused:
        read_lock(tmp_path / "lock.json")
    assert "acr-transfer plan" in str(refused.value)


def test_all_faults_of_an_entry_are_told_at_once(tmp_path: Path) -> None:
    wrong = {
        "reference": "App:v1",
        "digest": "x",
        "mediaType": "",
        "size": -1,
        "children": [{}],
        "referrers": [1],
    }
    document = Lock.made("host:1", []).document() | {"artifacts": [wrong]}
    (tmp_path / "lock.json").write_text(json.dumps(document))
    with pytest.raises(InputError) as refused:
        read_lock(tmp_path / "lock.json")
    for key in ("reference", "digest", "mediaType", "size", "referrers[0]", "children[0].digest"):
        assert f"artifacts[0].{key}: " in str(refused.value)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, SCHEMA)


@pytest.mark.parametrize("content", ["", "[]", "{", "\x00"])
def test_what_is_no_document_is_refused(content: str, tmp_path: Path) -> None:
    (tmp_path / "lock.json").write_text(content)
    with pytest.raises(InputError, match="no JSON"):
        read_lock(tmp_path / "lock.json")


def test_a_lock_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read: No such file"):
        read_lock(tmp_path / "lock.json")


def test_a_reference_twice_or_with_another_digest_is_refused(tmp_path: Path) -> None:
    named = entry(f"app@sha256:{5:064x}").document() | {"digest": f"sha256:{6:064x}"}
    document = Lock.made("h", []).document()
    document |= {"artifacts": [entry("app:v1").document(), entry("app:v1", 2).document(), named]}
    (tmp_path / "lock.json").write_text(json.dumps(document))
    with pytest.raises(InputError, match=r"is there twice(.|\n)*the reference says 'sha256:0+5'"):
        read_lock(tmp_path / "lock.json")


@settings(max_examples=30)
@given(locks, locks)
def test_a_difference_is_all_that_turns_one_lock_into_the_other(
    before: list[Entry], after: list[Entry]
) -> None:
    old, new = Lock.made("h", before), Lock.made("h", after)
    found = difference(old, new)
    gone = {one.reference for one in found.removed} | {pair[0].reference for pair in found.moved}
    made = {one.reference: one.digest for one in old.entries if one.reference not in gone}
    made |= {one.reference: one.digest for one in (*found.added, *(pair[1] for pair in found.moved))}
    assert made == {one.reference: one.digest for one in new.entries}
    assert found.any == bool(gone or found.added)
    assert found.unchanged + len(found.moved) + len(found.added) == len(new.entries)


def test_locks_of_two_registries_are_not_compared() -> None:
    with pytest.raises(InputError, match="two registries"):
        difference(Lock(registry="a"), Lock(registry="b"))


NOW = "2026-11-24T00:00:00Z"


def test_a_receipt_grows_and_loses_what_is_not_right_any_more(tmp_path: Path) -> None:
    path, one = tmp_path / "receipt.json", f"sha256:{1:064x}"
    first = receipt_for(path, "host:1").with_more(
        [Proved(reference=name, digest=one, at=NOW) for name in ("a:1", "b:1")], []
    )
    first.write(path)
    jsonschema.validate(json.loads(path.read_text()), RECEIPT_SCHEMA)
    receipt_for(path, "host:1").with_more([Proved(reference="c:1", digest=one, at=NOW)], ["a:1"]).write(path)
    assert sorted(read_receipt(path).proved) == ["b:1", "c:1"]
    assert asyncio.run(read_receipt(path).others(["b:1", "x:1"])) == ["c:1"]


def test_a_receipt_of_another_target_is_refused(tmp_path: Path) -> None:
    Receipt(registry="host:1").write(tmp_path / "receipt.json")
    with pytest.raises(InputError, match=r"of the registry host:1, this proof of host:2"):
        receipt_for(tmp_path / "receipt.json", "host:2")


def test_a_receipt_that_was_changed_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "receipt.json"
    proved = {"a:1": Proved(reference="a:1", digest=f"sha256:{1:064x}", at=NOW)}
    Receipt(registry="host:1", proved=proved).write(path)
    path.write_text(path.read_text().replace("a:1", "a:2"))
    with pytest.raises(InputError, match="does not fit the content"):
        read_receipt(path)

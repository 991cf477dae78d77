"""A lock is read as it was written, or refused with the reason."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from components.batches import batches
from components.documents import checksum_of
from components.lock import LockError, read_lock

ONE, TWO = f"sha256:{'1' * 64}", f"sha256:{'2' * 64}"


def entry(reference: str, digest: str, **more: Any) -> dict[str, Any]:
    plain = {"mediaType": "application/vnd.oci.image.manifest.v1+json", "size": 7}
    return {"reference": reference, "digest": digest, **plain, "children": [], "referrers": [], **more}


def document(*entries: dict[str, Any], **more: Any) -> dict[str, Any]:
    found: dict[str, Any] = {"schema": 1, "registry": "images.example:5000", "artifacts": list(entries)}
    found |= more
    return {"checksum": checksum_of(found), **found}


GOOD = document(
    entry("shop/web:1.4.0", ONE, referrers=[TWO]),
    entry(f"shop/web@{TWO}", TWO, subject=ONE, artifactType="application/vnd.example.signature"),
)


def test_a_lock_is_read_with_its_digests_pinned(tmp_path: Path) -> None:
    path = tmp_path / "images.lock"
    path.write_text(json.dumps(GOOD, indent=2))
    lock = read_lock(path)
    assert lock == read_lock(str(path)) == read_lock(json.dumps(GOOD))
    assert lock.registry == "images.example:5000"
    assert list(lock.entries) == GOOD["artifacts"]
    assert [(each.reference, each.pinned) for each in lock.artifacts] == [
        ("shop/web:1.4.0", ONE),
        (f"shop/web@{TWO}", TWO),
    ]


def test_a_tag_that_has_moved_is_other_content_under_another_name() -> None:
    before, after = (
        batches(read_lock(json.dumps(document(entry("shop/web:1.4.0", digest)))).artifacts)
        for digest in (ONE, TWO)
    )
    assert [batch.references for batch in before] == [batch.references for batch in after]
    assert before[0].name != after[0].name


def test_an_artifact_may_look_like_a_host_where_a_registry_was_seen_to_have_it() -> None:
    lock = read_lock(json.dumps(document(entry("localhost/app:1", ONE))))
    assert [each.reference for each in lock.artifacts] == ["localhost/app:1"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "is no JSON"),
        ('{"schema": NaN}', "NaN is no number of JSON"),
        ("{}", "schema is missing"),
        (json.dumps({**GOOD, "schema": 2}), "schema 2, newer than 1"),
        (json.dumps({**GOOD, "schema": 0}), "schema is 0; expected 1"),
        (json.dumps({**GOOD, "schema": True}), "schema is True; expected 1"),
        (json.dumps({**GOOD, "more": "\ud800"}), "was changed after it was written"),
        (json.dumps({**GOOD, "more": "x"}), "was changed after it was written"),
        (json.dumps({**GOOD, "registry": "other.example"}), "was changed after it was written"),
        (json.dumps(document(artifacts={})), "artifacts is {}; expected a list"),
        (json.dumps({**GOOD, "registry": ""}), "registry is ''; expected text"),
        (json.dumps(document(entry("shop/web", ONE))), "artifacts[0].reference is 'shop/web'"),
        (json.dumps(document(entry("shop/web:1", "sha256:1"))), "artifacts[0].digest is 'sha256:1'"),
        (json.dumps(document(entry("shop/web:1", ONE, size=-1))), "artifacts[0].size is -1"),
        (json.dumps(document(entry("shop/web:1", ONE), entry("shop/web:1", TWO))), "shop/web:1 twice"),
        (json.dumps(document(entry(f"shop/web@{ONE}", TWO))), f"another digest, {TWO}"),
    ],
)
def test_any_other_is_refused_with_the_reason_and_what_to_do(content: str, words: str) -> None:
    with pytest.raises(LockError) as raised:
        read_lock(content)
    assert words in str(raised.value)
    assert "acr-transfer" in str(raised.value)


def test_all_faults_are_told_at_once() -> None:
    faulty = document(entry("shop/web", ONE), entry("shop/web:1", "x"))
    with pytest.raises(LockError, match=r"(?s)artifacts\[0\]\.reference.*artifacts\[1\]\.digest"):
        read_lock(json.dumps(faulty))


def test_a_lock_that_is_not_there_is_named_with_the_command_that_makes_it(tmp_path: Path) -> None:
    with pytest.raises(LockError, match=r"none\.lock is not there\.\n.*acr-transfer plan"):
        read_lock(tmp_path / "none.lock")


def test_a_lock_of_nothing_is_a_lock() -> None:
    """What is at the target already is left out of a lock; sometimes that is all."""
    assert read_lock(json.dumps(document())).artifacts == []


def test_the_order_of_keys_and_the_layout_do_not_count() -> None:
    turned = dict(reversed(list(GOOD.items())))
    assert read_lock(json.dumps(turned)) == read_lock(json.dumps(GOOD, indent=4, ensure_ascii=False))

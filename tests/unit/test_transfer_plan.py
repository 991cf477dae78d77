"""A plan: digests of one moment, with everything that they are made of and everything that refers to them."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acr_transfer.errors import PlanError, ServiceError
from acr_transfer.model.documents.lock import LockedArtifact, compare_locks
from acr_transfer.model.documents.receipt import ProvedArtifact, Receipt
from acr_transfer.plan import report as reporting
from acr_transfer.plan.baseline import Known, ProvedTarget, Target
from acr_transfer.plan.plan import Plan, State, plan
from acr_transfer.plan.rules import Rule, Rules
from acr_transfer.registry.manifests import Manifest
from tests.unit.shelves import Shelf, image, index, referrer

NOW = datetime(2026, 11, 24, tzinfo=UTC)
ALL = Rule(repositories=("**",))


def planned(shelf: Shelf, *artifacts: str, known: Known | None = None, **more: Any) -> Plan:
    """A plan of these artifacts; of everything if none is named."""
    platforms = more.pop("platforms", ())
    rules = Rules(artifacts=artifacts, rules=() if artifacts else (ALL,), platforms=platforms)
    return asyncio.run(plan(rules, shelf, shelf.login_server, NOW, known=known, **more))


def receipt(made: Plan) -> ProvedTarget:
    """What a proof of this plan leaves."""
    proved = [
        ProvedArtifact(reference=one.entry.reference, digest=one.entry.digest, proved_at="now")
        for one in made.artifacts
    ]
    return ProvedTarget(Receipt.of("target", proved))


def entries(made: Plan) -> dict[str, LockedArtifact]:
    return {entry.reference: entry for entry in made.lock().artifacts}


def test_a_tag_is_pinned_to_its_digest_with_all_that_it_needs() -> None:
    shelf = Shelf()
    one = image("one", ("base", 1000), ("own", 10), ("own", 10))
    shelf.put("app", one, "v1")
    (entry,) = planned(shelf, "app:v1").lock().artifacts
    assert entry == LockedArtifact(
        reference="app:v1",
        digest=one.digest,
        media_type=one.media_type,
        size=len(one.content) + 10 + 1010,
        children=(),
        referrers=(),
    )


def test_children_of_an_index_are_listed_at_any_depth_with_their_platforms() -> None:
    shelf = Shelf()
    amd, arm = image("amd64", ("shared", 100)), image("arm64", ("shared", 100))
    inner = index(amd, arm, platforms=("linux/amd64", "linux/arm64"))
    outer = index(inner, amd)
    for manifest in (amd, arm, inner):
        shelf.put("app", manifest)
    shelf.put("app", outer, "v1")
    (entry,) = planned(shelf, "app:v1").lock().artifacts
    assert [(child.digest, child.platform) for child in entry.children] == [
        (inner.digest, ""),
        (amd.digest, "linux/amd64"),
        (arm.digest, "linux/arm64"),
    ]
    assert entry.size == sum(len(one.content) for one in (amd, arm, inner, outer)) + 2 * 10 + 100


@pytest.mark.parametrize("lists", [True, False])
def test_referrers_are_found_by_the_list_or_by_the_fallback_tag_at_any_depth(lists: bool) -> None:
    shelf = Shelf(lists_referrers=lists)
    one = image("one")
    sbom = referrer("sbom", one, "application/spdx+json")
    signature = referrer("signature of the SBOM", sbom)
    shelf.put("app", one, "v1")
    if lists:
        shelf.put("app", sbom)
        shelf.put("app", signature)
        fallback = []
    else:
        fallback = [shelf.put_fallback("app", one, sbom), shelf.put_fallback("app", sbom, signature)]
    found = entries(planned(shelf, "app:v1"))
    tags = {f"app:{manifest.digest.replace(':', '-')}" for manifest in ((one, sbom) if fallback else ())}
    assert found.keys() == {"app:v1", f"app@{sbom.digest}", f"app@{signature.digest}"} | tags
    assert sbom.digest in found["app:v1"].referrers
    assert signature.digest in found[f"app@{sbom.digest}"].referrers
    assert (found[f"app@{sbom.digest}"].subject, found[f"app@{sbom.digest}"].artifact_type) == (
        one.digest,
        "application/spdx+json",
    )


def test_a_referrer_of_a_child_belongs_to_its_index() -> None:
    shelf = Shelf()
    child = image("amd64")
    signature = referrer("signature", child)
    for manifest in (child, signature):
        shelf.put("app", manifest)
    shelf.put("app", index(child), "v1")
    found = entries(planned(shelf, "app:v1"))
    assert found["app:v1"].referrers == (signature.digest,)
    assert f"app@{signature.digest}" in found


@pytest.mark.parametrize("suffix", [".sig", ".att", ".sbom"])
def test_what_cosign_attaches_by_a_tag_comes_along_by_that_tag(suffix: str) -> None:
    shelf = Shelf()
    one, attached = image("one"), image("attached")
    shelf.put("app", one, "v1")
    tag = one.digest.replace(":", "-") + suffix
    shelf.put("app", attached, tag)
    found = entries(planned(shelf, "app:v1"))
    assert found[f"app:{tag}"].subject == one.digest
    assert found["app:v1"].referrers == (attached.digest,)


def test_referrers_may_be_left_behind() -> None:
    shelf = Shelf()
    one = image("one")
    shelf.put("app", one, "v1")
    shelf.put("app", referrer("signature", one))
    assert entries(planned(shelf, "app:v1", with_referrers=False)).keys() == {"app:v1"}
    assert not shelf.asked["referrers"]


def test_all_that_is_not_there_is_told_at_once() -> None:
    shelf = Shelf()
    shelf.put("app", image("one"), "1.4.0")
    with pytest.raises(PlanError) as refused:
        planned(shelf, "app:1.4.0", "app:1.4.1", "shop/web:1", f"app@sha256:{'0' * 64}")
    said = str(refused.value)
    assert "app:1.4.1 is not in the registry; tags like it: 1.4.0\n" in said
    assert "shop/web:1 is not in the registry: there is no repository 'shop/web'" in said
    assert f"app@sha256:{'0' * 64} is not" in said
    assert "app:1.4.0 is not" not in said


def test_other_content_under_a_digest_is_never_planned() -> None:
    shelf = Shelf()
    child = image("amd64")
    shelf.put("app", index(child), "v1")
    shelf.held["app", child.digest] = image("lie")
    with pytest.raises(ServiceError, match="gives other content for app@sha256:"):
        planned(shelf, "app:v1")


def big(text: str, **more: Any) -> Manifest:
    return image(text, ("large", 9 * 10**9), **more)


def foreign() -> Manifest:
    urls = [{"mediaType": "x", "digest": f"sha256:{'1' * 64}", "size": 5, "urls": ["https://a.invalid"]}]
    return image("foreign", layers=urls)


@pytest.mark.parametrize(
    ("manifest", "words"),
    [
        (big("big"), "app:v1 has a layer of 9.0 GB"),
        (foreign(), "app:v1 has 1 foreign layer:"),
        (
            Manifest(b'{"schemaVersion": 1}', "application/vnd.docker.distribution.manifest.v1+json"),
            "schema 1",
        ),
        (index(image("absent")), "is listed by an index, but is not there"),
    ],
)
def test_what_cannot_be_carried_is_warned_of_or_refused(manifest: Manifest, words: str) -> None:
    shelf = Shelf()
    shelf.put("app", manifest, "v1")
    (warning,) = planned(shelf, "app:v1").warnings
    assert words in warning
    with pytest.raises(PlanError, match=words):
        planned(shelf, "app:v1", strict=True)


def test_platforms_are_warned_of_and_never_taken_out() -> None:
    shelf = Shelf()
    amd, arm = image("amd64"), image("arm64")
    both = index(amd, arm, platforms=("linux/amd64", "linux/arm64"))
    for manifest in (amd, arm):
        shelf.put("app", manifest)
        config = manifest.config
        assert config
        shelf.blobs["app", config.digest] = b'{"os": "linux", "architecture": "%s"}' % manifest_name(manifest)
    shelf.put("app", both, "both")
    shelf.put("app", arm, "arm")
    made = planned(shelf, "app:both", "app:arm", platforms=("linux/amd64",))
    assert len(made.warnings) == 2
    assert all("runs on linux/arm64, which is not asked for" in warning for warning in made.warnings)
    assert len(entries(made)["app:both"].children) == 2
    assert planned(shelf, "app:both", platforms=("linux/amd64", "linux/arm64")).warnings == ()


def manifest_name(manifest: Manifest) -> bytes:
    return b"amd64" if b'"amd64"' in manifest.content else b"arm64"


def test_bytes_count_shared_layers_once() -> None:
    shelf = Shelf()
    images = [image(str(number), ("base", 1_000_000)) for number in range(3)]
    for number, one in enumerate(images):
        shelf.put("app", one, f"v{number}")
    made = planned(shelf)
    assert made.bytes_to_move == 1_000_000 + sum(len(one.content) + 10 for one in images)


@pytest.mark.parametrize(
    ("count", "expected"), [(0, (0, 0)), (1, (1, 1)), (50, (1, 1)), (51, (2, 2)), (300, (6, 10))]
)
def test_runs_are_estimated_between_full_and_least_filled(count: int, expected: tuple[int, int]) -> None:
    shelf = Shelf()
    for number in range(count):
        shelf.put("app", image(str(number)), f"v{number}")
    shelf.put("other", image("x"), "v1")
    made = (
        planned(shelf, *(f"app:v{number}" for number in range(count)))
        if count
        else planned(shelf, "other:v1", known=receipt(planned(shelf, "other:v1")))
    )
    assert made.batches == expected


def test_a_second_plan_moves_the_one_new_image_and_what_refers_to_it_alone() -> None:
    shelf = Shelf()
    for number in range(60):
        shelf.put("app", image(str(number)), f"v{number}")
    known = receipt(planned(shelf))
    assert planned(shelf, known=known).moving == []
    added = image("added")
    signature = referrer("signature", added)
    shelf.put("app", added, "new")
    shelf.put("app", signature)
    made = planned(shelf, known=known)
    assert [one.entry.reference for one in made.moving] == ["app:new", f"app@{signature.digest}"]
    assert [entry.reference for entry in made.lock().artifacts] == ["app:new", f"app@{signature.digest}"]
    assert len(made.of(State.PRESENT)) == 60


def test_a_signature_that_comes_later_moves_without_its_image() -> None:
    shelf = Shelf()
    one = image("one")
    shelf.put("app", one, "v1")
    known = receipt(planned(shelf))
    signature = referrer("signature", one)
    shelf.put("app", signature)
    assert [one.entry.reference for one in planned(shelf, known=known).moving] == [f"app@{signature.digest}"]


def test_a_moved_tag_is_changed_and_a_lost_one_is_missing() -> None:
    shelf = Shelf()
    for tag in ("kept", "moves", "goes"):
        shelf.put("app", image(tag), tag)
    known = receipt(planned(shelf))
    shelf.put("app", image("moved"), "moves")
    del shelf.held["app", "goes"]
    made = planned(shelf, known=known)
    assert [(one.entry.reference, one.state) for one in made.artifacts] == [
        ("app:kept", State.PRESENT),
        ("app:moves", State.CHANGED),
    ]
    assert made.missing == ("app:goes",)
    assert "missing: app:goes is at the target and no longer at the source" in reporting.plan_table(made, ())


def test_what_the_rules_do_not_choose_any_more_is_not_missing() -> None:
    shelf = Shelf()
    for tag in ("one", "two"):
        shelf.put("app", image(tag), tag)
    assert planned(shelf, "app:one", known=receipt(planned(shelf))).missing == ()


def test_a_target_that_can_be_reached_tells_by_itself() -> None:
    shelf, target = Shelf(), Shelf()
    for tag in ("same", "other", "absent"):
        shelf.put("app", image(tag), tag)
    target.put("app", image("same"), "same")
    target.put("app", image("lie"), "other")
    target.put("app", image("gone"), "gone")
    target.put("app", image("signature"), f"sha256-{'1' * 64}.sig")
    target.put("another", image("own"), "of the target's own")
    made = planned(shelf, known=Target(target))
    assert {one.entry.tag: one.state for one in made.artifacts} == {
        "same": State.PRESENT,
        "other": State.CHANGED,
        "absent": State.NEW,
    }
    assert made.missing == ("app:gone",)


@settings(max_examples=30)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 5)), unique=True, min_size=1), st.randoms())
def test_the_same_registry_gives_the_same_lock_whatever_order_it_answers_in(
    held: list[tuple[str, int]], chance: Any
) -> None:
    def filled(order: list[tuple[str, int]]) -> Shelf:
        shelf = Shelf()
        for repository, number in order:
            one = image(f"{number}", ("base", 100))
            shelf.put(repository, one, f"v{number}")
            shelf.put(repository, referrer(f"signature {number}", one))
        return shelf

    shuffled = list(held)
    chance.shuffle(shuffled)
    first, second = planned(filled(held)).lock(), planned(filled(shuffled)).lock()
    assert first.content() == second.content()
    assert not compare_locks(first, second).any


def test_no_manifest_is_read_twice_and_each_repository_is_listed_once() -> None:
    shelf = Shelf()
    child = image("amd64")
    shelf.put("app", child)
    for number in range(20):
        shelf.put("app", index(child, media_type=index().media_type), f"v{number}")
    planned(shelf)
    assert shelf.asked["tags"] == 1
    assert shelf.asked[child.digest] == 1


def test_a_reviewer_sees_what_refers_to_what() -> None:
    shelf = Shelf()
    one = image("one", ("base", 2048))
    shelf.put("app", one, "v1")
    sbom = referrer("sbom", one, "application/spdx+json")
    shelf.put("app", sbom)
    made = planned(shelf)
    header, first, second, *rest = reporting.plan_table(made, made.artifacts).splitlines()
    assert header.split() == ["what", "artifact", "digest", "kind", "size"]
    assert first.split()[:4] == ["new", "app:v1", f"{one.digest[:19]}…", "image"]
    assert second.split()[:5] == ["new", "└", f"app@{sbom.digest[:19]}…", f"{sbom.digest[:19]}…", "SBOM"]
    assert rest[0] == "2 artifacts: 2 new"
    assert rest[1].endswith("to move, shared layers counted once; 1 run")

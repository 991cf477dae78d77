"""prove against registries that hold, lack, move and lie."""

from __future__ import annotations

import asyncio

import pytest

from acr_transfer.errors import BrokenAnswerError
from acr_transfer.model.documents.lock import LockedArtifact
from acr_transfer.model.proof import LayerMode, ManifestKind, Verdict
from acr_transfer.prove import verify as proving
from acr_transfer.prove.layers import read_layers
from acr_transfer.prove.target import Finding, Target, with_listing
from acr_transfer.prove.verify import Proof, extras, prove, with_layers
from acr_transfer.registry.manifests import Manifest
from tests.unit.shelves import IMAGE, INDEX, Shelf, digest_of, image, index, referrer

DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"


@pytest.fixture
def source() -> Shelf:
    return Shelf()


@pytest.fixture
def target() -> Shelf:
    return Shelf()


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proving, "_FIRST_PAUSE", 0.01)


def proof(source: Shelf, target: Shelf, *artifacts: str, wait: float = 0) -> Proof:
    return asyncio.run(prove(artifacts, source, target, wait=wait))


def only(made: Proof) -> Finding:
    (finding,) = made.findings
    return finding


def test_a_tag_with_the_same_digest_is_proved(source: Shelf, target: Shelf) -> None:
    for shelf in (source, target):
        digest = shelf.put("app", image("one"), "v1")
    made = proof(source, target, "app:v1")
    expected = Finding(
        artifact="app:v1", verdict=Verdict.PROVED, digest=digest, media_type=IMAGE, kind=ManifestKind.IMAGE
    )
    assert only(made) == expected
    assert (made.proved, made.complete, made.manifests_read) == (1, True, 1)


def test_an_absent_tag_is_missing(source: Shelf, target: Shelf) -> None:
    digest = source.put("app", image("one"), "v1")
    target.put("app", image("one"))
    made = proof(source, target, "app:v1")
    assert (only(made).verdict, only(made).digest, made.complete) == (Verdict.MISSING, digest, False)


def test_a_tag_that_points_elsewhere_is_different_and_says_where(source: Shelf, target: Shelf) -> None:
    expected = source.put("app", image("one"), "v1")
    got = target.put("app", image("two"), "v1")
    target.put("app", image("one"))
    finding = only(proof(source, target, "app:v1"))
    assert (finding.verdict, finding.digest, finding.got) == (Verdict.DIFFERENT, expected, got)
    assert expected in finding.detail
    assert got in finding.detail


def test_a_tag_that_the_source_lost_is_not_provable(source: Shelf, target: Shelf) -> None:
    target.put("app", image("one"), "v1")
    made = proof(source, target, "app:v1", wait=60)
    assert (only(made).verdict, made.complete) == (Verdict.NOT_PROVABLE, False)
    assert "the source no longer has it" in only(made).detail


def test_a_digest_is_proved_even_if_the_source_lost_it(source: Shelf, target: Shelf) -> None:
    digest = target.put("app", image("one"))
    assert only(proof(source, target, f"app@{digest}")).verdict is Verdict.PROVED
    assert not source.asked


def test_wrong_bytes_under_a_digest_are_different(source: Shelf, target: Shelf) -> None:
    digest = source.put("app", image("one"))
    target.held["app", digest] = image("lie")
    assert only(proof(source, target, f"app@{digest}")).got == image("lie").digest


@pytest.mark.parametrize("media_type", [INDEX, DOCKER_LIST])
def test_every_manifest_below_an_index_is_read(media_type: str, source: Shelf, target: Shelf) -> None:
    children = [image("amd64"), image("arm64")]
    inner = index(*children)
    outer = index(inner, image("riscv"), media_type=media_type)
    for shelf in (source, target):
        for manifest in (*children, inner, image("riscv")):
            shelf.put("app", manifest)
        shelf.put("app", outer, "v1")
    made = proof(source, target, "app:v1")
    assert (only(made).verdict, only(made).kind, only(made).children) == (
        Verdict.PROVED,
        ManifestKind.INDEX,
        4,
    )
    assert made.manifests_read == 5


def test_a_missing_child_makes_its_index_missing(source: Shelf, target: Shelf) -> None:
    children = [image("amd64"), image("arm64")]
    for shelf in (source, target):
        shelf.put("app", index(*children), "v1")
    target.put("app", children[0])
    finding = only(proof(source, target, "app:v1"))
    assert finding.verdict is Verdict.MISSING
    assert f"child {children[1].digest} is not at the target" in finding.detail


def test_a_damaged_child_makes_its_index_different(source: Shelf, target: Shelf) -> None:
    child = image("amd64")
    for shelf in (source, target):
        shelf.put("app", index(child), "v1")
    target.held["app", child.digest] = image("lie")
    assert only(proof(source, target, "app:v1")).verdict is Verdict.DIFFERENT


def test_waiting_reads_again_only_what_is_not_proved(source: Shelf, target: Shelf) -> None:
    for tag in ("there", "late"):
        source.put("app", image(tag), tag)
    target.put("app", image("there"), "there")

    def arrive() -> None:
        if target.asked["late"] == 3:
            target.put("app", image("late"), "late")

    target.when_asked = arrive
    made = proof(source, target, "app:there", "app:late", wait=60)
    assert made.complete
    assert made.seconds < 30
    assert target.asked == {"there": 1, "late": 4}
    assert source.asked == {"there": 1, "late": 1}


def test_waiting_ends_when_the_time_is_over(source: Shelf, target: Shelf) -> None:
    source.put("app", image("one"), "v1")
    made = proof(source, target, "app:v1", wait=0.2)
    assert not made.complete
    assert 0.2 <= made.seconds < 5
    assert target.asked["v1"] > 2


def test_findings_keep_the_order_of_the_hand_over_and_name_each_artifact_once(
    source: Shelf, target: Shelf
) -> None:
    names = [f"app{number}:v1" for number in (3, 1, 2, 1)]
    made = proof(source, target, *names)
    assert [finding.artifact for finding in made.findings] == ["app3:v1", "app1:v1", "app2:v1"]


@pytest.mark.parametrize(
    ("manifest", "kind"),
    [
        (image("one"), ManifestKind.IMAGE),
        (image("signature", subject={"digest": "sha256:0"}), ManifestKind.REFERRER),
        (image("thing", artifactType="application/x"), ManifestKind.ARTIFACT),
        (
            Manifest(b'{"config": {"mediaType": "application/vnd.cncf.helm.config.v1+json"}}', IMAGE),
            ManifestKind.ARTIFACT,
        ),
        (index(), ManifestKind.INDEX),
        (Manifest(b"{}", f"{INDEX}; charset=utf-8"), ManifestKind.INDEX),
        (Manifest(b"no json", INDEX), ManifestKind.INDEX),
        (Manifest(b"[]", IMAGE), ManifestKind.ARTIFACT),
    ],
)
def test_a_manifest_tells_its_kind(manifest: Manifest, kind: ManifestKind) -> None:
    assert manifest.kind is kind
    assert manifest.children == ()


def pin(manifest: Manifest, reference: str, **more: str) -> dict[str, LockedArtifact]:
    """What a lock says of one artifact."""
    entry = LockedArtifact(
        reference=reference,
        digest=manifest.digest,
        media_type=IMAGE,
        size=1,
        children=(),
        referrers=(),
        **more,
    )
    return {reference: entry}


def test_with_a_lock_the_source_is_not_needed_and_a_tag_moved_there_changes_nothing(target: Shelf) -> None:
    one = image("one")
    target.put("app", one, "v1")
    made = asyncio.run(prove(["app:v1"], None, target, pinned=pin(one, "app:v1")))
    assert (only(made).verdict, only(made).digest) == (Verdict.PROVED, one.digest)
    target.put("app", image("two"), "v1")
    made = asyncio.run(prove(["app:v1"], None, target, pinned=pin(one, "app:v1")))
    assert (only(made).verdict, only(made).got) == (Verdict.DIFFERENT, image("two").digest)


def test_without_lock_and_source_a_tag_is_not_provable(target: Shelf) -> None:
    target.put("app", image("one"), "v1")
    made = asyncio.run(prove(["app:v1", f"app@{image('one').digest}"], None, target))
    assert [finding.verdict for finding in made.findings] == [Verdict.NOT_PROVABLE, Verdict.PROVED]


class Cutting(Shelf):
    """A registry whose answers end early for a while."""

    cuts = 0

    async def get(self, repository: str, reference: str) -> Manifest | None:
        if self.cuts:
            self.cuts -= 1
            raise BrokenAnswerError("the answer ended early")
        return await super().get(repository, reference)


def test_an_answer_that_ends_early_is_one_finding_and_the_others_are_proved(source: Shelf) -> None:
    target = Cutting()
    digests = [target.put("app", image(text)) for text in ("one", "two")]
    target.cuts = 1
    made = proof(source, target, *(f"app@{digest}" for digest in digests))
    assert sorted(finding.verdict for finding in made.findings) == [Verdict.NOT_PROVABLE, Verdict.PROVED]
    target.cuts = 1
    assert proof(source, target, *(f"app@{digest}" for digest in digests), wait=60).complete


def test_a_truncated_manifest_is_different(source: Shelf, target: Shelf) -> None:
    digest = target.put("app", image("one"))
    target.held["app", digest] = Manifest(image("one").content[:-1], IMAGE)
    assert only(proof(source, target, f"app@{digest}")).verdict is Verdict.DIFFERENT


@pytest.mark.parametrize("lists", [True, False])
def test_a_referrer_that_clients_cannot_find_is_told(lists: bool, source: Shelf) -> None:
    target = Shelf(lists_referrers=lists)
    one = image("one")
    target.put("app", one, "v1")
    signature = referrer("signature", one)
    if lists:
        target.put("app", signature)
    else:
        target.put_fallback("app", one, signature)
    made = proof(source, target, f"app@{signature.digest}")
    listed = asyncio.run(with_listing(made.findings, target))
    assert [(finding.verdict, finding.detail) for finding in listed] == [(Verdict.PROVED, "")]
    if not lists:
        del target.held["app", one.digest.replace(":", "-")]
        (told,) = asyncio.run(with_listing(made.findings, target))
        assert "does not list it" in told.detail
        assert told.verdict is Verdict.PROVED


def test_tags_that_nobody_named_are_extra(source: Shelf, target: Shelf) -> None:
    for shelf in (source, target):
        shelf.put("app", image("one"), "v1")
    target.put("app", image("older"), "v0", "stranger")
    target.put("elsewhere", image("x"), "v1")
    made = proof(source, target, "app:v1")
    found = asyncio.run(extras(made, ["app:v0"], target)) or []
    assert [(finding.artifact, finding.verdict) for finding in found] == [("app:stranger", Verdict.EXTRA)]


LAYERS = {"base": b"base layer", "own": b"own layer"}


def filled(target: Shelf, **lies: bytes | None) -> Target:
    """A look at a target with an image of two layers; `lies` says what it gives instead of them."""
    one = image("one", *((content.decode(), len(content)) for content in LAYERS.values()))
    target.put("app", one, "v1")
    for name, content in {**LAYERS, "config": b"config one"}.items():
        held = lies.get(name, content)
        if held is not None:
            target.blobs["app", digest_of(content)] = held
    return Target(target)


@pytest.mark.parametrize(
    ("lies", "verdict", "words"),
    [
        ({}, Verdict.PROVED, ""),
        ({"own": b"own lager"}, Verdict.DIFFERENT, "9 bytes of 9"),
        ({"own": b"own"}, Verdict.DIFFERENT, "3 bytes of 9"),
        ({"config": None}, Verdict.MISSING, "is not at the target"),
    ],
)
def test_layers_are_read_and_hashed(
    lies: dict[str, bytes | None], verdict: Verdict, words: str, source: Shelf, target: Shelf
) -> None:
    seen = filled(target, **lies)
    source.held = dict(target.held)
    made = asyncio.run(prove(["app:v1"], source, seen))
    assert only(made).verdict is Verdict.PROVED
    layers = asyncio.run(read_layers(seen.below, target, LayerMode.ALL, 0))
    after = with_layers(made, layers, seen)
    assert (only(after).verdict, words in only(after).detail) == (verdict, True)
    assert len(layers.read) == layers.of == 3


def test_a_sample_reads_so_many_layers(source: Shelf, target: Shelf) -> None:
    seen = filled(target)
    source.held = dict(target.held)
    asyncio.run(prove(["app:v1"], source, seen))
    for count, expected in ((1, 1), (3, 3), (9, 3)):
        layers = asyncio.run(read_layers(seen.below, target, LayerMode.SAMPLE, count))
        assert (len(layers.read), layers.of) == (expected, 3)

"""Verification against registries with right, missing, moved and wrong content."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace

import pytest

from acr_transfer.errors import BrokenAnswerError, ContradictoryManifestError, ServiceError
from acr_transfer.model.documents.lock import LockedArtifact
from acr_transfer.model.proof import LayerMode, ManifestKind, Verdict
from acr_transfer.progress import ProgressReporter
from acr_transfer.prove import patience
from acr_transfer.prove.layers import read_layers
from acr_transfer.prove.patience import Patience
from acr_transfer.prove.prove import extra_tags, note_unlisted_referrers
from acr_transfer.prove.target import ArtifactFinding, TargetVerifier
from acr_transfer.prove.verify import Expectation, Proof, verify
from acr_transfer.registry import limits
from acr_transfer.registry.manifests import Manifest
from tests.unit.registry.memory_registry import (
    IMAGE,
    INDEX,
    MemoryRegistry,
    digest_of,
    image,
    index,
    referrer,
)

DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"


@pytest.fixture
def source() -> MemoryRegistry:
    return MemoryRegistry()


@pytest.fixture
def target() -> MemoryRegistry:
    return MemoryRegistry()


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "_FIRST_PAUSE", 0.01)


def proof(
    source: MemoryRegistry | None,
    target: MemoryRegistry | TargetVerifier,
    *artifacts: str,
    wait: float = 0,
    pinned: Mapping[str, LockedArtifact] | None = None,
) -> Proof:
    expectation = Expectation(
        document="a test", registry="source", artifacts=artifacts, entries=pinned or {}, checksum=""
    )
    verifier = target if isinstance(target, TargetVerifier) else TargetVerifier(target)
    return asyncio.run(verify(expectation, source, verifier, Patience(wait, ProgressReporter())))


def only(made: Proof) -> ArtifactFinding:
    (finding,) = made.findings
    return finding


def test_a_tag_with_the_same_digest_is_proved(source: MemoryRegistry, target: MemoryRegistry) -> None:
    for registry in (source, target):
        digest = registry.put("app", image("one"), "v1")
    made = proof(source, target, "app:v1")
    expected = ArtifactFinding(
        artifact="app:v1", verdict=Verdict.PROVED, digest=digest, media_type=IMAGE, kind=ManifestKind.IMAGE
    )
    assert only(made) == expected
    assert (made.count(Verdict.PROVED), made.complete, made.manifests_read) == (1, True, 1)


def test_an_absent_tag_is_missing(source: MemoryRegistry, target: MemoryRegistry) -> None:
    digest = source.put("app", image("one"), "v1")
    target.put("app", image("one"))
    made = proof(source, target, "app:v1")
    assert (only(made).verdict, only(made).digest, made.complete) == (Verdict.MISSING, digest, False)


def test_a_moved_tag_is_different_and_names_both_digests(
    source: MemoryRegistry, target: MemoryRegistry
) -> None:
    expected = source.put("app", image("one"), "v1")
    got = target.put("app", image("two"), "v1")
    target.put("app", image("one"))
    finding = only(proof(source, target, "app:v1"))
    assert (finding.verdict, finding.digest, finding.got) == (Verdict.DIFFERENT, expected, got)
    assert expected in finding.detail
    assert got in finding.detail


def test_a_tag_that_the_source_lacks_is_not_provable(source: MemoryRegistry, target: MemoryRegistry) -> None:
    target.put("app", image("one"), "v1")
    made = proof(source, target, "app:v1", wait=60)
    assert (only(made).verdict, made.complete) == (Verdict.NOT_PROVABLE, False)
    assert "the source no longer has it" in only(made).detail


def test_a_digest_is_proved_without_the_source(source: MemoryRegistry, target: MemoryRegistry) -> None:
    digest = target.put("app", image("one"))
    assert only(proof(source, target, f"app@{digest}")).verdict is Verdict.PROVED
    assert not source.requests


def test_wrong_bytes_under_a_digest_are_different(source: MemoryRegistry, target: MemoryRegistry) -> None:
    digest = source.put("app", image("one"))
    target.held["app", digest] = image("lie")
    assert only(proof(source, target, f"app@{digest}")).got == image("lie").digest


@pytest.mark.parametrize("media_type", [INDEX, DOCKER_LIST])
def test_every_manifest_below_an_index_is_read(
    media_type: str, source: MemoryRegistry, target: MemoryRegistry
) -> None:
    children = [image("amd64"), image("arm64")]
    inner = index(*children)
    outer = index(inner, image("riscv"), media_type=media_type)
    for registry in (source, target):
        for manifest in (*children, inner, image("riscv")):
            registry.put("app", manifest)
        registry.put("app", outer, "v1")
    made = proof(source, target, "app:v1")
    assert (only(made).verdict, only(made).kind, only(made).children) == (
        Verdict.PROVED,
        ManifestKind.INDEX,
        4,
    )
    assert made.manifests_read == 5


def test_a_missing_child_makes_its_index_missing(source: MemoryRegistry, target: MemoryRegistry) -> None:
    children = [image("amd64"), image("arm64")]
    for registry in (source, target):
        registry.put("app", index(*children), "v1")
    target.put("app", children[0])
    finding = only(proof(source, target, "app:v1"))
    assert finding.verdict is Verdict.MISSING
    assert f"child {children[1].digest} is not at the target" in finding.detail


def test_a_damaged_child_makes_its_index_different(source: MemoryRegistry, target: MemoryRegistry) -> None:
    child = image("amd64")
    for registry in (source, target):
        registry.put("app", index(child), "v1")
    target.held["app", child.digest] = image("lie")
    assert only(proof(source, target, "app:v1")).verdict is Verdict.DIFFERENT


def test_waiting_reads_only_unproved_artifacts_again(source: MemoryRegistry, target: MemoryRegistry) -> None:
    for tag in ("there", "late"):
        source.put("app", image(tag), tag)
    target.put("app", image("there"), "there")

    def arrive() -> None:
        if target.requests["late"] == 3:
            target.put("app", image("late"), "late")

    target.on_request = arrive
    made = proof(source, target, "app:there", "app:late", wait=60)
    assert made.complete
    assert made.seconds < 30
    assert target.requests == {"there": 1, "late": 4}
    assert source.requests == {"there": 1, "late": 1}


def test_waiting_ends_after_its_time(source: MemoryRegistry, target: MemoryRegistry) -> None:
    source.put("app", image("one"), "v1")
    made = proof(source, target, "app:v1", wait=0.2)
    assert not made.complete
    assert 0.2 <= made.seconds < 5
    assert target.requests["v1"] > 2


def test_findings_keep_the_order_of_the_expectation(source: MemoryRegistry, target: MemoryRegistry) -> None:
    names = [f"app{number}:v1" for number in (3, 1, 2)]
    made = proof(source, target, *names)
    assert [finding.artifact for finding in made.findings] == ["app3:v1", "app1:v1", "app2:v1"]


def pin(manifest: Manifest, reference: str, **more: str) -> dict[str, LockedArtifact]:
    """A lock's entry of one artifact."""
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


def test_a_lock_replaces_the_source(target: MemoryRegistry) -> None:
    one = image("one")
    target.put("app", one, "v1")
    made = proof(None, target, "app:v1", pinned=pin(one, "app:v1"))
    assert (only(made).verdict, only(made).digest) == (Verdict.PROVED, one.digest)
    target.put("app", image("two"), "v1")
    made = proof(None, target, "app:v1", pinned=pin(one, "app:v1"))
    assert (only(made).verdict, only(made).got) == (Verdict.DIFFERENT, image("two").digest)


def test_without_lock_and_source_a_tag_is_not_provable(target: MemoryRegistry) -> None:
    target.put("app", image("one"), "v1")
    made = proof(None, target, "app:v1", f"app@{image('one').digest}")
    assert [finding.verdict for finding in made.findings] == [Verdict.NOT_PROVABLE, Verdict.PROVED]


class Cutting(MemoryRegistry):
    """A registry whose responses end early for a while."""

    cuts = 0

    async def get(self, repository: str, reference: str) -> Manifest | None:
        if self.cuts:
            self.cuts -= 1
            raise BrokenAnswerError("the response ended early")
        return await super().get(repository, reference)


def test_a_truncated_response_affects_one_finding_only(source: MemoryRegistry) -> None:
    target = Cutting()
    digests = [target.put("app", image(text)) for text in ("one", "two")]
    target.cuts = 1
    made = proof(source, target, *(f"app@{digest}" for digest in digests))
    assert sorted(finding.verdict for finding in made.findings) == [Verdict.NOT_PROVABLE, Verdict.PROVED]
    target.cuts = 1
    assert proof(source, target, *(f"app@{digest}" for digest in digests), wait=60).complete


def test_a_truncated_manifest_is_different(source: MemoryRegistry, target: MemoryRegistry) -> None:
    digest = target.put("app", image("one"))
    target.held["app", digest] = Manifest.unread(b"{", IMAGE)
    assert only(proof(source, target, f"app@{digest}")).verdict is Verdict.DIFFERENT


@pytest.mark.parametrize("lists", [True, False])
def test_a_proved_referrer_that_clients_cannot_find_is_noted(lists: bool, source: MemoryRegistry) -> None:
    target = MemoryRegistry(lists_referrers=lists)
    one = image("one")
    target.put("app", one, "v1")
    signature = referrer("signature", one)
    if lists:
        target.put("app", signature)
    else:
        target.put_fallback("app", one, signature)
    made = proof(source, target, f"app@{signature.digest}")
    listed = asyncio.run(note_unlisted_referrers(made.findings, target))
    assert [(finding.verdict, finding.detail) for finding in listed] == [(Verdict.PROVED, "")]
    if not lists:
        del target.held["app", one.digest.replace(":", "-")]
        (noted,) = asyncio.run(note_unlisted_referrers(made.findings, target))
        assert "does not list it" in noted.detail
        assert noted.verdict is Verdict.PROVED


def test_tags_without_a_document_are_extra(source: MemoryRegistry, target: MemoryRegistry) -> None:
    for registry in (source, target):
        registry.put("app", image("one"), "v1")
    target.put("app", image("older"), "v0", "stranger")
    target.put("elsewhere", image("x"), "v1")
    found = asyncio.run(extra_tags(proof(source, target, "app:v1").findings, ["app:v0"], target))
    assert [(finding.artifact, finding.verdict) for finding in found] == [("app:stranger", Verdict.EXTRA)]


LAYERS = {"base": b"base layer", "own": b"own layer"}


def filled(target: MemoryRegistry, **lies: bytes | None) -> TargetVerifier:
    """A verifier of a target with an image of two layers; `lies` replaces their content."""
    one = image("one", *((content.decode(), len(content)) for content in LAYERS.values()))
    target.put("app", one, "v1")
    for name, content in {**LAYERS, "config": b"config one"}.items():
        held = lies.get(name, content)
        if held is not None:
            target.blobs["app", digest_of(content)] = held
    return TargetVerifier(target)


@pytest.mark.parametrize(
    ("lies", "verdict", "words"),
    [
        ({}, Verdict.PROVED, ""),
        ({"own": b"own lager"}, Verdict.DIFFERENT, "9 bytes of 9"),
        ({"own": b"own"}, Verdict.DIFFERENT, "3 bytes of 9"),
        ({"own": b"own layer and more"}, Verdict.DIFFERENT, "18 bytes of 9"),
        ({"config": None}, Verdict.MISSING, "is not in app at the target"),
    ],
)
def test_layers_are_read_and_hashed(
    lies: dict[str, bytes | None],
    verdict: Verdict,
    words: str,
    source: MemoryRegistry,
    target: MemoryRegistry,
) -> None:
    seen = filled(target, **lies)
    source.held = dict(target.held)
    made = proof(source, seen, "app:v1")
    assert only(made).verdict is Verdict.PROVED
    layers = asyncio.run(read_layers(seen.required_blobs, target, LayerMode.ALL, 0, ProgressReporter()))
    (after,) = layers.apply(made.findings, seen.required_blobs)
    assert (after.verdict, words in after.detail) == (verdict, True)
    assert len(layers.read) == layers.of == 3


def test_a_layer_must_be_in_each_repository_that_needs_it(target: MemoryRegistry) -> None:
    layers = [(content.decode(), len(content)) for content in LAYERS.values()]
    for repository in ("app", "copy"):
        one = image("one", *layers)
        target.put(repository, one, "v1")
        for content in (*LAYERS.values(), b"config one"):
            target.blobs[repository, digest_of(content)] = content
    entries = pin(one, "app:v1") | pin(one, "copy:v1")

    def judged() -> list[Verdict]:
        seen = TargetVerifier(target)
        made = proof(None, seen, "app:v1", "copy:v1", pinned=entries)
        read = asyncio.run(read_layers(seen.required_blobs, target, LayerMode.ALL, 0, ProgressReporter()))
        return [finding.verdict for finding in read.apply(made.findings, seen.required_blobs)]

    assert judged() == [Verdict.PROVED, Verdict.PROVED]
    for repository, expected in (("copy", [Verdict.PROVED, Verdict.MISSING]), ("app", [Verdict.MISSING] * 2)):
        del target.blobs[repository, digest_of(LAYERS["own"])]
        assert judged() == expected
    for repository in ("app", "copy"):
        target.blobs[repository, digest_of(LAYERS["own"])] = LAYERS["own"]
    target.blobs["copy", digest_of(LAYERS["own"])] += b"more"
    assert judged() == [Verdict.PROVED, Verdict.DIFFERENT]


def stacked(target: MemoryRegistry, levels: int) -> Manifest:
    """An index whose levels have two indexes each, and both list both of the next level: 2**levels paths."""
    level = [image("amd64"), image("arm64")]
    for number in range(levels):
        for manifest in level:
            target.put("app", manifest)
        level = [index(*level), index(*reversed(level), image(f"extra {number}"))]
        target.put("app", image(f"extra {number}"))
    target.put("app", level[0], "v1")
    return level[0]


def test_a_manifest_below_many_indexes_is_read_once(target: MemoryRegistry) -> None:
    root = stacked(target, 12)
    made = proof(None, target, "app:v1", pinned=pin(root, "app:v1"))
    assert only(made).verdict is Verdict.PROVED
    assert max(target.requests.values()) == 1
    assert made.manifests_read == only(made).children + 1 == 2 * 12 + 11 + 1


@pytest.mark.parametrize("limit", [{"depth": 3}, {"descendants": 5}, {"descriptors": 9}])
def test_an_index_beyond_the_limits_is_not_provable(
    limit: dict[str, int], target: MemoryRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = stacked(target, 4)
    assert only(proof(None, target, "app:v1", pinned=pin(root, "app:v1"))).verdict is Verdict.PROVED
    monkeypatch.setattr(limits, "LIMITS", replace(limits.LIMITS, **limit))
    finding = only(proof(None, target, "app:v1", pinned=pin(root, "app:v1")))
    assert finding.verdict is Verdict.NOT_PROVABLE
    assert "more than" in finding.detail


class Distant(MemoryRegistry):
    """A registry whose answers take a moment."""

    async def get(self, repository: str, reference: str) -> Manifest | None:
        await asyncio.sleep(0.001)
        return await super().get(repository, reference)


def test_the_first_fault_ends_the_reading_of_an_index() -> None:
    target = Distant()
    children = [image(str(number)) for number in range(2000)]
    root = index(*children)
    target.put("app", root, "v1")
    finding = only(proof(None, target, "app:v1", pinned=pin(root, "app:v1")))
    assert finding.verdict is Verdict.MISSING
    assert sum(target.requests.values()) < 200


class Contradicting(MemoryRegistry):
    """A registry that states other media types."""

    async def get(self, repository: str, reference: str) -> Manifest | None:
        raise ContradictoryManifestError("an index as an image")


def test_a_contradiction_is_a_verdict_of_its_own() -> None:
    made = proof(None, Contradicting(), f"app@{image('one').digest}")
    assert (only(made).verdict, only(made).detail) == (Verdict.CONTRADICTORY, "an index as an image")
    assert not made.complete


def test_a_list_of_tags_without_a_proved_tag_is_not_believed(target: MemoryRegistry) -> None:
    target.put("app", image("one"), "v1")
    findings = proof(None, target, "app:v1", pinned=pin(image("one"), "app:v1")).findings
    assert asyncio.run(extra_tags(findings, [], target)) == []
    del target.held["app", "v1"]
    with pytest.raises(ServiceError, match="does not list app:v1, which exists"):
        asyncio.run(extra_tags(findings, [], target))


def test_a_manifest_of_schema_1_is_not_provable(target: MemoryRegistry) -> None:
    old = Manifest.parse(b'{"schemaVersion": 1}', "application/vnd.docker.distribution.manifest.v1+json")
    target.put("app", old, "v1")
    assert only(proof(None, target, f"app@{old.digest}")).verdict is Verdict.NOT_PROVABLE


def test_a_sample_has_the_requested_size(source: MemoryRegistry, target: MemoryRegistry) -> None:
    seen = filled(target)
    source.held = dict(target.held)
    proof(source, seen, "app:v1")
    for count, expected in ((1, 1), (3, 3), (9, 3)):
        layers = asyncio.run(
            read_layers(seen.required_blobs, target, LayerMode.SAMPLE, count, ProgressReporter())
        )
        assert (len(layers.read), layers.of) == (expected, 3)

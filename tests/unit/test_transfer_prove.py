"""prove against registries that hold, lack, move and lie."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable

import pytest

from transfer import prove as proving
from transfer.looking import Finding, Verdict
from transfer.manifests import Kind, Manifest, Reference
from transfer.prove import Proof, prove

IMAGE = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"


def image(text: str, **more: object) -> Manifest:
    config = {"mediaType": "application/vnd.oci.image.config.v1+json"}
    return Manifest(json.dumps({"schemaVersion": 2, "config": config, "note": text, **more}).encode(), IMAGE)


def index(*children: Manifest, media_type: str = INDEX) -> Manifest:
    listed = [{"mediaType": child.media_type, "digest": child.digest} for child in children]
    return Manifest(json.dumps({"schemaVersion": 2, "manifests": listed}).encode(), media_type)


class Shelf:
    """A registry in memory that may say anything."""

    def __init__(self) -> None:
        self.held: dict[tuple[str, str], Manifest] = {}
        self.asked: Counter[str] = Counter()
        self.when_asked: Callable[[], None] = lambda: None

    def put(self, repository: str, manifest: Manifest, *tags: str) -> str:
        for reference in (manifest.digest, *tags):
            self.held[repository, reference] = manifest
        return manifest.digest

    async def get(self, repository: str, reference: str) -> Manifest | None:
        self.asked[reference] += 1
        found = self.held.get((repository, reference))
        self.when_asked()
        return found


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
        artifact="app:v1", verdict=Verdict.PROVED, digest=digest, media_type=IMAGE, kind=Kind.IMAGE
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
    assert (only(made).verdict, only(made).kind, only(made).children) == (Verdict.PROVED, Kind.INDEX, 4)
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
    ("text", "repository", "reference", "digest"),
    [
        ("app:v1", "app", "v1", None),
        ("a/b/app", "a/b/app", "latest", None),
        (f"a/app@sha256:{'0' * 64}", "a/app", f"sha256:{'0' * 64}", f"sha256:{'0' * 64}"),
    ],
)
def test_an_artifact_is_a_repository_and_a_tag_or_digest(
    text: str, repository: str, reference: str, digest: str | None
) -> None:
    parsed = Reference.parse(text)
    assert (parsed.repository, parsed.tag_or_digest, parsed.digest) == (repository, reference, digest)


@pytest.mark.parametrize(
    ("manifest", "kind"),
    [
        (image("one"), Kind.IMAGE),
        (image("signature", subject={"digest": "sha256:0"}), Kind.REFERRER),
        (image("thing", artifactType="application/x"), Kind.ARTIFACT),
        (
            Manifest(b'{"config": {"mediaType": "application/vnd.cncf.helm.config.v1+json"}}', IMAGE),
            Kind.ARTIFACT,
        ),
        (index(), Kind.INDEX),
        (Manifest(b"{}", f"{INDEX}; charset=utf-8"), Kind.INDEX),
        (Manifest(b"no json", INDEX), Kind.INDEX),
        (Manifest(b"[]", IMAGE), Kind.ARTIFACT),
    ],
)
def test_a_manifest_tells_its_kind(manifest: Manifest, kind: Kind) -> None:
    assert manifest.kind is kind
    assert manifest.children == ()

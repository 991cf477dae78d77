"""Plans: artifacts pinned to their digests, with their children and their referrers."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acr_transfer.cli.plan_report import plan_json, plan_table
from acr_transfer.errors import PlanError, RefusedManifestError, ServiceError
from acr_transfer.model.documents.lock import Lock, LockedArtifact, compare_locks
from acr_transfer.model.documents.receipt import ProvedArtifact, Receipt
from acr_transfer.plan import plan as planning
from acr_transfer.plan.baseline import ArtifactState, Baseline, ReceiptBaseline, RegistryBaseline
from acr_transfer.plan.plan import Plan, plan
from acr_transfer.plan.rules import SelectionRule, SelectionRules
from acr_transfer.registry import limits
from acr_transfer.registry.failures import status_error
from acr_transfer.registry.manifests import Manifest
from tests.unit.registry.memory_registry import MemoryRegistry, image, index, referrer

NOW = datetime(2026, 11, 24, tzinfo=UTC)
ALL = SelectionRule(repositories=("**",))


def planned(
    registry: MemoryRegistry,
    *artifacts: str,
    baseline: Baseline | None = None,
    platforms: tuple[str, ...] = (),
    **options: Any,
) -> Plan:
    """A plan of these artifacts, or of all if none is named."""
    rules = SelectionRules(artifacts=artifacts, rules=() if artifacts else (ALL,), platforms=platforms)
    return asyncio.run(plan(rules, registry, baseline=baseline, as_of=NOW, **options))


def receipt(made: Plan) -> ReceiptBaseline:
    """The receipt of a proof of this plan."""
    proved = [
        ProvedArtifact(reference=one.entry.reference, digest=one.entry.digest, proved_at="now")
        for one in made.artifacts
    ]
    return ReceiptBaseline(Receipt.of("target", proved))


def entries(made: Plan) -> dict[str, LockedArtifact]:
    return {entry.reference: entry for entry in made.lock.artifacts}


def test_a_tag_is_pinned_to_its_digest_with_the_size_of_all_content() -> None:
    registry = MemoryRegistry()
    one = image("one", ("base", 1000), ("own", 10), ("own", 10))
    registry.put("app", one, "v1")
    (entry,) = planned(registry, "app:v1").lock.artifacts
    assert entry == LockedArtifact(
        reference="app:v1",
        digest=one.digest,
        media_type=one.media_type,
        size=one.size + 10 + 1010,
        children=(),
        referrers=(),
    )


def test_children_of_an_index_are_listed_at_any_depth_with_their_platforms() -> None:
    registry = MemoryRegistry()
    amd, arm = image("amd64", ("shared", 100)), image("arm64", ("shared", 100))
    inner = index(amd, arm, platforms=("linux/amd64", "linux/arm64"))
    outer = index(inner, amd)
    for manifest in (amd, arm, inner):
        registry.put("app", manifest)
    registry.put("app", outer, "v1")
    (entry,) = planned(registry, "app:v1").lock.artifacts
    assert [(child.digest, child.platform) for child in entry.children] == [
        (inner.digest, ""),
        (amd.digest, "linux/amd64"),
        (arm.digest, "linux/arm64"),
    ]
    assert entry.size == sum(one.size for one in (amd, arm, inner, outer)) + 2 * 10 + 100


@pytest.mark.parametrize("lists", [True, False])
def test_referrers_are_found_by_the_list_or_by_the_fallback_tag_at_any_depth(lists: bool) -> None:
    registry = MemoryRegistry(lists_referrers=lists)
    one = image("one")
    sbom = referrer("sbom", one, "application/spdx+json")
    signature = referrer("signature of the SBOM", sbom)
    registry.put("app", one, "v1")
    if lists:
        registry.put("app", sbom)
        registry.put("app", signature)
        fallback = []
    else:
        fallback = [registry.put_fallback("app", one, sbom), registry.put_fallback("app", sbom, signature)]
    found = entries(planned(registry, "app:v1"))
    tags = {f"app:{manifest.digest.replace(':', '-')}" for manifest in ((one, sbom) if fallback else ())}
    assert found.keys() == {"app:v1", f"app@{sbom.digest}", f"app@{signature.digest}"} | tags
    assert sbom.digest in found["app:v1"].referrers
    assert signature.digest in found[f"app@{sbom.digest}"].referrers
    assert (found[f"app@{sbom.digest}"].subject, found[f"app@{sbom.digest}"].artifact_type) == (
        one.digest,
        "application/spdx+json",
    )


def test_a_referrer_of_a_child_belongs_to_its_index() -> None:
    registry = MemoryRegistry()
    child = image("amd64")
    signature = referrer("signature", child)
    for manifest in (child, signature):
        registry.put("app", manifest)
    registry.put("app", index(child), "v1")
    found = entries(planned(registry, "app:v1"))
    assert found["app:v1"].referrers == (signature.digest,)
    assert f"app@{signature.digest}" in found


@pytest.mark.parametrize("suffix", [".sig", ".att", ".sbom"])
def test_cosigns_tags_move_with_their_image(suffix: str) -> None:
    registry = MemoryRegistry()
    one, attached = image("one"), image("attached")
    registry.put("app", one, "v1")
    tag = one.digest.replace(":", "-") + suffix
    registry.put("app", attached, tag)
    found = entries(planned(registry, "app:v1"))
    assert found[f"app:{tag}"].subject == one.digest
    assert found["app:v1"].referrers == (attached.digest,)


def test_referrers_can_be_omitted() -> None:
    registry = MemoryRegistry()
    one = image("one")
    registry.put("app", one, "v1")
    registry.put("app", referrer("signature", one))
    assert entries(planned(registry, "app:v1", with_referrers=False)).keys() == {"app:v1"}
    assert not registry.requests["referrers"]


def test_a_hundred_absent_artifacts_are_listed_and_the_rest_is_counted() -> None:
    names = [f"app:{number}" for number in range(150)]
    with pytest.raises(PlanError) as refused:
        planned(MemoryRegistry(), *names)
    lines = str(refused.value).splitlines()
    assert (len(lines), lines[-1]) == (102, "  and 50 more")


def test_one_error_lists_all_absent_artifacts() -> None:
    registry = MemoryRegistry()
    registry.put("app", image("one"), "1.4.0")
    with pytest.raises(PlanError) as refused:
        planned(registry, "app:1.4.0", "app:1.4.1", "shop/web:1", f"app@sha256:{'0' * 64}")
    said = str(refused.value)
    assert "app:1.4.1 is not in the registry; similar tags: 1.4.0\n" in said
    assert "shop/web:1 is not in the registry: the repository 'shop/web' does not exist" in said
    assert f"app@sha256:{'0' * 64} is not" in said
    assert "app:1.4.0 is not" not in said


def test_other_content_under_a_digest_is_never_planned() -> None:
    registry = MemoryRegistry()
    child = image("amd64")
    registry.put("app", index(child), "v1")
    registry.held["app", child.digest] = image("lie")
    with pytest.raises(ServiceError, match="returned other content for app@sha256:"):
        planned(registry, "app:v1")


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
            Manifest.parse(b'{"schemaVersion": 1}', "application/vnd.docker.distribution.manifest.v1+json"),
            "schema 1",
        ),
        (index(image("absent")), "is listed by an index, but does not exist"),
    ],
)
def test_unsupported_content_is_a_warning_or_with_strict_an_error(manifest: Manifest, words: str) -> None:
    registry = MemoryRegistry()
    registry.put("app", manifest, "v1")
    (warning,) = planned(registry, "app:v1").warnings
    assert words in warning
    with pytest.raises(PlanError, match=words):
        planned(registry, "app:v1", strict=True)


def test_other_platforms_cause_a_warning_and_stay_in_their_index() -> None:
    registry = MemoryRegistry()
    amd, arm = image("amd64"), image("arm64")
    both = index(amd, arm, platforms=("linux/amd64", "linux/arm64"))
    for manifest in (amd, arm):
        registry.put("app", manifest)
        config = manifest.config
        assert config
        registry.blobs["app", config.digest] = b'{"os": "linux", "architecture": "%s"}' % manifest_name(
            manifest
        )
    registry.put("app", both, "both")
    registry.put("app", arm, "arm")
    made = planned(registry, "app:both", "app:arm", platforms=("linux/amd64",))
    assert len(made.warnings) == 2
    assert all("runs on linux/arm64, which is not requested" in warning for warning in made.warnings)
    assert len(entries(made)["app:both"].children) == 2
    assert planned(registry, "app:both", platforms=("linux/amd64", "linux/arm64")).warnings == ()


def test_a_config_that_cannot_be_read_leaves_the_platform_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    async def refused(*_: object) -> bytes:
        raise RefusedManifestError("refused", 403)

    registry = MemoryRegistry()
    monkeypatch.setattr(registry, "small_blob", refused)
    registry.put("app", image("amd64"), "v1")
    (warning,) = planned(registry, "app:v1", platforms=("linux/amd64",)).warnings
    assert "app:v1 runs on an unknown platform" in warning


def manifest_name(manifest: Manifest) -> bytes:
    return b"amd64" if manifest == image("amd64") else b"arm64"


def test_bytes_count_shared_layers_once() -> None:
    registry = MemoryRegistry()
    images = [image(str(number), ("base", 1_000_000)) for number in range(3)]
    for number, one in enumerate(images):
        registry.put("app", one, f"v{number}")
    made = planned(registry)
    assert made.bytes_to_move == 1_000_000 + sum(one.size + 10 for one in images)


@pytest.mark.parametrize(
    ("count", "expected"), [(0, (0, 0)), (1, (1, 1)), (50, (1, 1)), (51, (2, 2)), (300, (6, 10))]
)
def test_runs_are_estimated_between_full_and_least_filled(count: int, expected: tuple[int, int]) -> None:
    registry = MemoryRegistry()
    for number in range(count):
        registry.put("app", image(str(number)), f"v{number}")
    registry.put("other", image("x"), "v1")
    made = (
        planned(registry, *(f"app:v{number}" for number in range(count)))
        if count
        else planned(registry, "other:v1", baseline=receipt(planned(registry, "other:v1")))
    )
    assert made.runs == expected


def test_a_second_plan_moves_only_the_new_image_and_its_referrers() -> None:
    registry = MemoryRegistry()
    for number in range(60):
        registry.put("app", image(str(number)), f"v{number}")
    baseline = receipt(planned(registry))
    assert planned(registry, baseline=baseline).moving == []
    added = image("added")
    signature = referrer("signature", added)
    registry.put("app", added, "new")
    registry.put("app", signature)
    made = planned(registry, baseline=baseline)
    assert [one.entry.reference for one in made.moving] == ["app:new", f"app@{signature.digest}"]
    assert [entry.reference for entry in made.lock.artifacts] == ["app:new", f"app@{signature.digest}"]
    assert len(made.of(ArtifactState.PRESENT)) == 60


def test_a_later_signature_moves_without_its_image() -> None:
    registry = MemoryRegistry()
    one = image("one")
    registry.put("app", one, "v1")
    baseline = receipt(planned(registry))
    signature = referrer("signature", one)
    registry.put("app", signature)
    assert [one.entry.reference for one in planned(registry, baseline=baseline).moving] == [
        f"app@{signature.digest}"
    ]


def test_a_moved_tag_is_changed_and_a_deleted_one_is_missing() -> None:
    registry = MemoryRegistry()
    for tag in ("kept", "moves", "goes"):
        registry.put("app", image(tag), tag)
    baseline = receipt(planned(registry))
    registry.put("app", image("moved"), "moves")
    del registry.held["app", "goes"]
    made = planned(registry, baseline=baseline)
    assert [(one.entry.reference, one.state) for one in made.artifacts] == [
        ("app:kept", ArtifactState.PRESENT),
        ("app:moves", ArtifactState.CHANGED),
    ]
    assert made.missing == ("app:goes",)
    assert plan_table(made, ()).splitlines()[-2:] == [
        "1 artifact at the target but no longer at the source; the transfer does not change them:",
        "missing: app:goes",
    ]


def test_most_of_a_thousand_missing_names_are_counted() -> None:
    registry, target = MemoryRegistry(), MemoryRegistry()
    registry.put("app", image("kept"), "kept")
    for number in range(1_449):
        target.put("app", image("gone"), f"v{number}")
    made = planned(registry, baseline=RegistryBaseline(target))
    lines = plan_table(made, ()).splitlines()
    assert lines[-22].startswith("1,449 artifacts at the target but no longer at the source")
    assert lines[-1] == "and 1,429 more missing: see --json"
    assert len(plan_json(made, None)["missing"]) == 1_449


def test_an_artifact_that_the_rules_no_longer_select_is_not_missing() -> None:
    registry = MemoryRegistry()
    for tag in ("one", "two"):
        registry.put("app", image(tag), tag)
    assert planned(registry, "app:one", baseline=receipt(planned(registry))).missing == ()


def test_the_targets_registry_serves_as_the_baseline() -> None:
    registry, target = MemoryRegistry(), MemoryRegistry()
    for tag in ("same", "other", "absent"):
        registry.put("app", image(tag), tag)
    target.put("app", image("same"), "same")
    target.put("app", image("lie"), "other")
    target.put("app", image("gone"), "gone")
    target.put("app", image("signature"), f"sha256-{'1' * 64}.sig")
    target.put("another", image("own"), "other")
    made = planned(registry, baseline=RegistryBaseline(target))
    assert {one.entry.tag: one.state for one in made.artifacts} == {
        "same": ArtifactState.PRESENT,
        "other": ArtifactState.CHANGED,
        "absent": ArtifactState.NEW,
    }
    assert made.missing == ("app:gone",)


@settings(max_examples=30)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 5)), unique=True, min_size=1), st.randoms())
def test_the_same_registry_gives_the_same_lock_in_any_order(held: list[tuple[str, int]], chance: Any) -> None:
    def filled(order: list[tuple[str, int]]) -> MemoryRegistry:
        registry = MemoryRegistry()
        for repository, number in order:
            one = image(f"{number}", ("base", 100))
            registry.put(repository, one, f"v{number}")
            registry.put(repository, referrer(f"signature {number}", one))
        return registry

    shuffled = list(held)
    chance.shuffle(shuffled)
    first, second = planned(filled(held)).lock, planned(filled(shuffled)).lock
    assert first.content() == second.content()
    assert not compare_locks(first, second).any


def test_no_manifest_is_read_twice_and_each_repository_is_listed_once() -> None:
    registry = MemoryRegistry()
    child = image("amd64")
    registry.put("app", child)
    for number in range(20):
        registry.put("app", index(child, media_type=index().media_type), f"v{number}")
    planned(registry)
    assert registry.requests["tags"] == 1
    assert registry.requests[child.digest] == 1


def test_the_table_shows_referrers_below_their_subject() -> None:
    registry = MemoryRegistry()
    one = image("one", ("base", 2048))
    registry.put("app", one, "v1")
    sbom = referrer("sbom", one, "application/spdx+json")
    registry.put("app", sbom)
    made = planned(registry)
    header, first, second, *rest = plan_table(made, made.artifacts).splitlines()
    assert header.split() == ["state", "artifact", "digest", "kind", "size"]
    assert first.split()[:4] == ["new", "app:v1", f"{one.digest[:19]}…", "image"]
    assert second.split()[:5] == ["new", "└", f"app@{sbom.digest[:19]}…", f"{sbom.digest[:19]}…", "SBOM"]
    assert rest[0] == "2 artifacts: 2 new"
    assert rest[1].endswith("to move, shared layers counted once; 1 run")


def test_a_lock_that_no_command_could_read_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    registry = MemoryRegistry()
    registry.put("app", image("one"), "v1")
    made = planned(registry, "app:v1")
    assert Lock.parse(made.lock.content().decode()) == made.lock
    monkeypatch.setattr(planning, "DOCUMENT_BYTES", 100)
    with pytest.raises(PlanError, match=r"the lock would have .* plan fewer artifacts at once"):
        _ = planned(registry, "app:v1").lock


@pytest.mark.parametrize(
    ("limit", "words"),
    [
        ({"depth": 3}, "indexes of more than 3 levels"),
        ({"descriptors": 5}, "list more than 5 layers and manifests"),
    ],
)
def test_indexes_beyond_the_limits_are_refused(
    limit: dict[str, int], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry, manifest = MemoryRegistry(), image("one")
    for _ in range(6):
        registry.put("app", manifest)
        manifest = index(manifest)
    registry.put("app", manifest, "v1")
    assert len(entries(planned(registry, "app:v1"))["app:v1"].children) == 6
    monkeypatch.setattr(limits, "LIMITS", replace(limits.LIMITS, **limit))
    with pytest.raises(ServiceError, match=words):
        planned(registry, "app:v1")


def test_referrers_of_referrers_have_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    registry, subject = MemoryRegistry(), image("one")
    registry.put("app", subject, "v1")
    for number in range(6):
        subject = referrer(str(number), subject)
        registry.put("app", subject)
    assert len(entries(planned(registry, "app:v1"))) == 7
    monkeypatch.setattr(limits, "LIMITS", replace(limits.LIMITS, depth=3))
    with pytest.raises(ServiceError, match="without an end"):
        planned(registry, "app:v1")


def test_the_targets_state_is_computed_from_its_bytes() -> None:
    source, target = MemoryRegistry(), MemoryRegistry()
    for registry in (source, target):
        registry.put("app", image("one"), "v1")
    (present,) = planned(source, "app:v1", baseline=RegistryBaseline(target)).artifacts
    assert (present.state, target.requests["v1"]) == (ArtifactState.PRESENT, 1)


@pytest.mark.parametrize("below", ["absent", "wrong", "right"])
def test_an_index_is_present_with_all_manifests_below_it_each_read_once(below: str) -> None:
    source, target = MemoryRegistry(), MemoryRegistry()
    amd, arm = image("amd64"), image("arm64")
    inner = index(amd, arm)
    for registry in (source, target):
        for manifest in (amd, arm, inner):
            registry.put("app", manifest)
        registry.put("app", index(inner), "v1")
        registry.put("app", index(inner, amd), "v2")
    if below == "absent":
        del target.held["app", arm.digest]
    if below == "wrong":
        target.held["app", arm.digest] = amd
    made = planned(source, "app:v1", "app:v2", baseline=RegistryBaseline(target))
    expected = ArtifactState.PRESENT if below == "right" else ArtifactState.INCOMPLETE
    assert {one.state for one in made.artifacts} == {expected}
    assert len(made.moving) == (0 if below == "right" else 2)
    assert [target.requests[one.digest] for one in (amd, arm, inner)] == [1, 1, 1]


def test_tags_that_refer_to_no_planned_artifact_are_reported_if_all_other_tags_move() -> None:
    registry = MemoryRegistry()
    gone, one = image("gone"), image("one")
    dangling = f"{gone.digest.replace(':', '-')}.sig"
    registry.put("app", one, "v1")
    registry.put("app", image("attached"), f"{one.digest.replace(':', '-')}.sig")
    registry.put("app", image("left"), dangling)
    registry.put("other", image("more"), "v1")
    (warning,) = planned(registry).warnings
    assert warning.startswith(f"app: 1 tag refers to no planned artifact and stays behind: {dangling}")
    assert planned(registry, "app:v1", f"app:{dangling}").warnings == ()
    registry.put("app", image("two"), "v2")
    assert planned(registry, "app:v1").warnings == ()


def test_a_tag_must_have_the_digest_that_is_named_with_it() -> None:
    registry = MemoryRegistry()
    has, other = registry.put("app", image("one"), "v1"), image("other").digest
    assert entries(planned(registry, f"app:v1@{has}")).keys() == {"app:v1"}
    with pytest.raises(PlanError) as refused:
        planned(registry, f"app:v1@{other}", "app:v9")
    assert str(refused.value).splitlines()[1:] == [
        f"  app:v1 has the digest {has}, and not {other}",
        "  app:v9 is not in the registry",
    ]


def test_a_repository_that_does_not_exist_has_similar_names_and_the_prefix_to_leave_out() -> None:
    registry = MemoryRegistry()
    for name in ("shop/web", "library/nginx", "library/redis"):
        registry.put(name, image(name), "1")
    with pytest.raises(PlanError) as refused:
        planned(registry, "shop/wbe:1", "docker.io/library/nginx:1", "docker.io/library/redis:1")
    lines = [line.strip() for line in str(refused.value).splitlines()]
    hint = "the repositories of 2 artifacts exist: add the option --strip-prefix docker.io"
    assert lines[1] == f"without docker.io/, {hint}"
    (wbe,) = (line for line in lines if line.startswith("shop/wbe:1"))
    assert wbe.endswith("does not exist; similar repositories: shop/web")
    rules = SelectionRules(rules=(SelectionRule(repositories=("shop/wbe",)),))
    with pytest.raises(PlanError, match="similar repositories to shop/wbe: shop/web"):
        asyncio.run(plan(rules, registry))


def failing(registry: MemoryRegistry, monkeypatch: pytest.MonkeyPatch, *tags: str, status: int) -> None:
    """Let requests for these tags fail."""
    get = registry.get

    async def refusing(repository: str, reference: str) -> Manifest | None:
        if reference in tags:
            raise status_error("registry.test", f"/v2/{repository}/manifests/{reference}", status)
        return await get(repository, reference)

    monkeypatch.setattr(registry, "get", refusing)


def test_a_failure_of_one_artifact_is_listed_and_one_of_many_ends_the_plan(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    registry = MemoryRegistry()
    tags = [f"v{number}" for number in range(5)]
    for tag in tags:
        registry.put("app", image(tag), tag)
    failing(registry, monkeypatch, "v0", status=500)
    with pytest.raises(PlanError, match=r"(?s)app:v9 is not in.*app:v0: registry\.test returned HTTP 500"):
        planned(registry, "app:v0", "app:v1", "app:v9")
    failing(registry, monkeypatch, *tags, status=503)
    with pytest.raises(ServiceError, match="returned HTTP 503"):
        planned(registry)


def test_an_artifact_that_the_target_does_not_return_is_a_fault_and_at_the_source_not_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    source, target = MemoryRegistry(), MemoryRegistry()
    for registry in (source, target):
        for tag in ("v1", "v2"):
            registry.put("app", image(tag), tag)
    failing(target, monkeypatch, "v1", status=405)
    with pytest.raises(PlanError, match="app:v1 is locked for reading"):
        planned(source, baseline=RegistryBaseline(target))

    async def exists(repository: str, reference: str) -> bool:
        raise status_error("registry.test", f"/v2/{repository}/manifests/{reference}", 405)

    monkeypatch.setattr(source, "exists", exists)
    made = planned(source, "app:v2", baseline=RegistryBaseline(target))
    assert made.missing == ()


def test_a_tag_whose_time_cannot_be_read_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    registry = MemoryRegistry()
    registry.put("app", image("one"), "v1")
    registry.put("app", image("two"), "v2")
    failing(registry, monkeypatch, "v1", status=405)
    rules = SelectionRules(rules=(SelectionRule(repositories=("app",), newest=1),))
    with pytest.raises(PlanError, match="app:v1 is locked for reading"):
        asyncio.run(plan(rules, registry))


@pytest.mark.parametrize("name", ["contoso", "contoso-h7gbehavfzcr"])
def test_a_lock_at_azure_is_lifted_in_the_registry_that_has_it(name: str) -> None:
    error = status_error(f"{name}.azurecr.io", "/v2/app/manifests/v1", 405)
    assert str(error).endswith("az acr repository update --name contoso --image app:v1 --read-enabled true")

"""What a run does, byte for byte and option by option, seen from outside."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from sandbox.cloud.paths import Places
from sandbox.faults import control
from sandbox.registry.oci_client import ImageNotFoundError, Manifest
from sandbox.transfer.rules import CATEGORY
from tests.sandbox.transfer.side import IMAGE, SandboxSide, index_of, manifest_of, until


@pytest.fixture(scope="module")
def source(places: Places) -> SandboxSide:
    return SandboxSide(places, "source", "moves").build()


@pytest.fixture(scope="module")
def target(places: Places) -> SandboxSide:
    return SandboxSide(places, "target", "moves").build()


def carried(
    source: SandboxSide, target: SandboxSide, blob: str, *artifacts: str, options: tuple[str, ...] = ()
) -> str:
    """Export, and put the same bytes into the target's container, whose name is the answer."""
    response = source.run(source.pipeline("export", "out", *options), blob, *artifacts)
    assert response["status"] == "Succeeded", response
    target.put_blob("come", blob, source.blob("out", blob))
    return "come"


def test_what_arrives_is_what_left_byte_for_byte(source: SandboxSide, target: SandboxSide) -> None:
    plain, arm = source.image("exact/app", "1"), source.image("exact/app", "arm")
    both = source.push("exact/app", "both", index_of(plain, arm))
    # Spelled as no serialiser would: it arrives as it is, or the digest would be another.
    odd = Manifest(IMAGE, manifest_of(b"odd").body.replace(b'"layers"', b'\n  "layers"'))
    source.push("exact/odd", "1", odd, b"{}", b"odd")
    about = {"mediaType": plain.media_type, "digest": plain.digest, "size": len(plain.body)}
    signature = source.push("exact/app", "", manifest_of(b"signed", subject=about), b"{}", b"signed")
    wanted = ["exact/app:both", f"exact/app@{signature.digest}", "exact/odd:1"]
    carried(source, target, "exact", *wanted)
    response = target.run(target.pipeline("import", "come"), "exact")
    assert (response["status"], response["importedArtifacts"]) == ("Succeeded", sorted(wanted))
    arrived = {"both": both, plain.digest: plain, arm.digest: arm, signature.digest: signature}
    for reference, sent in arrived.items():
        assert target.manifest("exact/app", reference).body == sent.body
    assert target.manifest("exact/odd", "1").body == odd.body
    with pytest.raises(ImageNotFoundError):
        target.manifest("exact/app", "arm")  # a child comes by its digest, not by a tag that was not listed


def test_the_blob_carries_the_marks_and_the_run_says_what_it_did(source: SandboxSide) -> None:
    source.image("marks/app", "latest")
    pipeline = source.pipeline("export", "out")
    response = source.run(pipeline, "marks", "marks/app")
    blob = source.container("out").get_blob_client("marks")
    body, properties = blob.download_blob().readall(), blob.get_blob_properties()
    md5 = hashlib.md5(body, usedforsecurity=False).digest()
    assert bytes(properties.content_settings.content_md5 or b"") == md5
    assert properties.metadata == CATEGORY
    assert response["catalogDigest"] == f"sha256:{hashlib.sha256(body).hexdigest()}"
    assert response["progress"] == {"percentage": "100"}
    assert response["startTime"] < response["finishTime"]
    assert response["target"]["uri"] == f"{source.blob_url}/out/marks"
    assert response["target"]["keyVaultUri"].endswith(pipeline)
    assert "pipelineRunErrorMessage" not in response


def test_equal_artifacts_make_equal_blobs(source: SandboxSide) -> None:
    source.image("equal/app", "1")
    pipeline = source.pipeline("export", "out")
    digests = {source.run(pipeline, f"equal{n}", "equal/app:1")["catalogDigest"] for n in range(2)}
    assert len(digests) == 1


def test_a_layer_that_several_repositories_share_arrives_in_each(
    source: SandboxSide, target: SandboxSide
) -> None:
    for name in ("shared/one", "shared/two"):
        source.image(name, "1", b"one layer for both")
    carried(source, target, "shared", "shared/one:1", "shared/two:1")
    assert target.run(target.pipeline("import", "come"), "shared")["status"] == "Succeeded"
    assert target.manifest("shared/one", "1") == target.manifest("shared/two", "1")


def test_a_named_catalog_digest_must_be_that_of_the_blob(source: SandboxSide, target: SandboxSide) -> None:
    source.image("catalog/app", "1")
    carried(source, target, "catalog", "catalog/app:1")
    pipeline, true = (
        target.pipeline("import", "come"),
        hashlib.sha256(target.blob("come", "catalog")).hexdigest(),
    )
    wrong = target.run(pipeline, "catalog", catalogDigest=f"sha256:{'0' * 64}")
    assert wrong["pipelineRunErrorMessage"] == (
        f"The catalog digest of blob 'catalog' is sha256:{true}, not sha256:{'0' * 64} as the run says."
    )
    with pytest.raises(ImageNotFoundError):
        target.manifest("catalog/app", "1")
    assert target.run(pipeline, "catalog", catalogDigest=f"sha256:{true}")["status"] == "Succeeded"


def test_a_blob_is_replaced_with_the_option_alone(source: SandboxSide) -> None:
    source.image("again/app", "1")
    pipelines = [source.pipeline("export", "out", *options) for options in ((), ("overwriteblobs",))]
    source.run(pipelines[0], "again", "again/app:1")
    before = source.blob("out", "again")
    source.image("again/app", "1")
    refused = source.run(pipelines[0], "again", "again/app:1")
    assert refused["status"] == "Failed"
    assert source.blob("out", "again") == before
    assert source.run(pipelines[1], "again", "again/app:1")["status"] == "Succeeded"
    assert source.blob("out", "again") != before


def test_a_tag_is_replaced_with_the_option_alone(source: SandboxSide, target: SandboxSide) -> None:
    old, new = target.image("tags/app", "1"), source.image("tags/app", "1")
    carried(source, target, "tags", "tags/app:1")
    assert target.run(target.pipeline("import", "come"), "tags")["status"] == "Failed"
    assert target.manifest("tags/app", "1") == old
    assert target.run(target.pipeline("import", "come", "OverwriteTags"), "tags")["status"] == "Succeeded"
    assert target.manifest("tags/app", "1") == new
    assert target.run(target.pipeline("import", "come"), "tags")["status"] == "Succeeded"


def test_the_blob_is_removed_with_the_option_alone(source: SandboxSide, target: SandboxSide) -> None:
    source.image("gone/app", "1")
    carried(source, target, "gone", "gone/app:1")
    there = target.container("come").get_blob_client("gone")
    target.run(target.pipeline("import", "come"), "gone")
    assert there.exists()
    target.run(target.pipeline("import", "come", "DeleteSourceBlobOnSuccess"), "gone")
    assert not there.exists()


def test_an_export_goes_on_without_what_fails_with_the_option_alone(
    source: SandboxSide, target: SandboxSide
) -> None:
    source.image("rest/app", "1")
    wanted = ("rest/app:1", "rest/ap:1")
    assert source.run(source.pipeline("export", "out"), "rest", *wanted)["status"] == "Failed"
    assert not source.container("out").get_blob_client("rest").exists()
    response = source.run(source.pipeline("export", "out", "ContinueOnErrors"), "rest", *wanted)
    words = "Artifacts not found in registry 'contososource': 'rest/ap:1'."
    assert (response["status"], response["pipelineRunErrorMessage"]) == ("Succeeded", words)
    target.put_blob("come", "rest", source.blob("out", "rest"))
    assert target.run(target.pipeline("import", "come"), "rest")["importedArtifacts"] == ["rest/app:1"]


def test_an_import_goes_on_without_what_fails_with_the_option_alone(
    source: SandboxSide, target: SandboxSide
) -> None:
    old = target.image("some/app", "1")
    source.image("some/app", "1")
    fresh = source.image("some/other", "1")
    carried(source, target, "some", "some/app:1", "some/other:1")
    assert target.run(target.pipeline("import", "come"), "some")["status"] == "Failed"
    with pytest.raises(ImageNotFoundError):
        target.manifest("some/other", "1")
    options = ("ContinueOnErrors", "DeleteSourceBlobOnSuccess")
    response = target.run(target.pipeline("import", "come", *options), "some")
    assert (response["status"], response["importedArtifacts"]) == ("Succeeded", ["some/other:1"])
    assert "'some/app:1'" in response["pipelineRunErrorMessage"]
    assert (target.manifest("some/app", "1"), target.manifest("some/other", "1")) == (old, fresh)
    assert target.container("come").get_blob_client("some").exists()  # not all of it has arrived


def test_many_runs_at_once_all_end_well(source: SandboxSide) -> None:
    source.image("many/app", "1")
    pipeline = source.pipeline("export", "out")
    runs = [source.start(pipeline, f"many{number}", "many/app:1") for number in range(8)]
    assert {source.ended(run)["provisioningState"] for run in runs} == {"Succeeded"}


def test_progress_is_told_in_steps_or_only_at_its_ends(source: SandboxSide) -> None:
    source.image("steps/app", "1")
    pipeline = source.pipeline("export", "out")
    for choice, seen in (("steps", "10"), ("ends", "0")):
        with (
            control.choice(source.places, "source", "progress", choice),
            control.fault(source.places, "source", "storage", path=f"/out/{choice}*comp=block", delay=1),
        ):
            run = source.start(pipeline, choice, "steps/app:1")
            until(lambda run=run: source.state(run)["response"]["progress"]["percentage"], seen.__eq__)  # type: ignore[misc]
            assert source.ended(run)["response"]["progress"] == {"percentage": "100"}


def test_a_run_whose_pipeline_is_deleted_meanwhile_fails_and_says_so(source: SandboxSide) -> None:
    source.image("orphan/app", "1")
    pipeline = source.pipeline("export", "out")
    with control.fault(source.places, "source", "storage", path="/out/orphan", delay=3):
        run = source.start(pipeline, "orphan", "orphan/app:1")
        source.arm("DELETE", source.pipeline_path("export", pipeline))
        state = source.ended(run)
    assert state["provisioningState"] == "Failed"
    assert "was deleted before the run ended" in state["response"]["pipelineRunErrorMessage"]


def test_a_run_is_done_once_until_its_tag_changes_or_it_has_failed(source: SandboxSide) -> None:
    source.image("once/app", "1")
    pipeline = source.pipeline("export", "out")
    path, body = (
        source.registry_path("pipelineRuns", "onceonly"),
        source.request(pipeline, "once", "once/app:1"),
    )

    def put(tag: str) -> dict[str, Any]:
        body["properties"]["forceUpdateTag"] = tag
        source.arm("PUT", path, body)
        response: dict[str, Any] = source.ended("onceonly")["response"]
        return response

    first = put("a")
    assert put("a") == first
    refused = put("b")
    assert (first["status"], refused["status"]) == ("Succeeded", "Failed")  # the blob is there
    source.container("out").delete_blob("once")
    assert put("b")["status"] == "Succeeded"

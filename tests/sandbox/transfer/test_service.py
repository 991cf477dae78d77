"""Pipeline runs: exact bytes, options and repeated requests, as clients see them."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from sandbox.cloud.paths import Paths
from sandbox.registry.oci_client import ImageNotFoundError, Manifest
from sandbox.transfer.rules import CATEGORY
from tests.sandbox.faults import control
from tests.sandbox.transfer.side import IMAGE, SandboxSide, index_of, manifest_of, until


@pytest.fixture(scope="module")
def source(paths: Paths) -> SandboxSide:
    return SandboxSide(paths, "source", "moves").build()


@pytest.fixture(scope="module")
def target(paths: Paths) -> SandboxSide:
    return SandboxSide(paths, "target", "moves").build()


def transfer_blob(
    source: SandboxSide, target: SandboxSide, blob: str, *artifacts: str, options: tuple[str, ...] = ()
) -> None:
    """Export, and upload the same bytes to the container `come` of the target."""
    response = source.run(source.pipeline("export", "out", *options), blob, *artifacts)
    assert response["status"] == "Succeeded", response
    target.put_blob("come", blob, source.blob("out", blob))


def test_manifests_arrive_byte_for_byte(source: SandboxSide, target: SandboxSide) -> None:
    plain, arm = source.image("exact/app", "1"), source.image("exact/app", "arm")
    both = source.push("exact/app", "both", index_of(plain, arm))
    # Unusual whitespace must survive; otherwise the digest changes.
    odd = Manifest(IMAGE, manifest_of(b"odd").body.replace(b'"layers"', b'\n  "layers"'))
    source.push("exact/odd", "1", odd, b"{}", b"odd")
    about = {"mediaType": plain.media_type, "digest": plain.digest, "size": len(plain.body)}
    signature = source.push("exact/app", "", manifest_of(b"signed", subject=about), b"{}", b"signed")
    wanted = ["exact/app:both", f"exact/app@{signature.digest}", "exact/odd:1"]
    transfer_blob(source, target, "exact", *wanted)
    response = target.run(target.pipeline("import", "come"), "exact")
    assert (response["status"], response["importedArtifacts"]) == ("Succeeded", sorted(wanted))
    arrived = {"both": both, plain.digest: plain, arm.digest: arm, signature.digest: signature}
    for reference, sent in arrived.items():
        assert target.manifest("exact/app", reference).body == sent.body
    assert target.manifest("exact/odd", "1").body == odd.body
    with pytest.raises(ImageNotFoundError):
        target.manifest("exact/app", "arm")  # the child's tag was not in the list


def test_an_export_sets_the_blobs_properties_and_the_runs_response(source: SandboxSide) -> None:
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


def test_equal_artifacts_give_equal_blobs(source: SandboxSide) -> None:
    source.image("equal/app", "1")
    pipeline = source.pipeline("export", "out")
    digests = {source.run(pipeline, f"equal{n}", "equal/app:1")["catalogDigest"] for n in range(2)}
    assert len(digests) == 1


def test_a_shared_layer_arrives_in_every_repository(source: SandboxSide, target: SandboxSide) -> None:
    for name in ("shared/one", "shared/two"):
        source.image(name, "1", b"one layer for both")
    transfer_blob(source, target, "shared", "shared/one:1", "shared/two:1")
    assert target.run(target.pipeline("import", "come"), "shared")["status"] == "Succeeded"
    assert target.manifest("shared/one", "1") == target.manifest("shared/two", "1")


def test_a_catalog_digest_in_the_request_must_match_the_blob(
    source: SandboxSide, target: SandboxSide
) -> None:
    source.image("catalog/app", "1")
    transfer_blob(source, target, "catalog", "catalog/app:1")
    pipeline = target.pipeline("import", "come")
    true = hashlib.sha256(target.blob("come", "catalog")).hexdigest()
    wrong = target.run(pipeline, "catalog", catalogDigest=f"sha256:{'0' * 64}")
    assert wrong["pipelineRunErrorMessage"] == (
        f"The catalog digest of blob 'catalog' is sha256:{true}; the run requires sha256:{'0' * 64}."
    )
    with pytest.raises(ImageNotFoundError):
        target.manifest("catalog/app", "1")
    assert target.run(pipeline, "catalog", catalogDigest=f"sha256:{true}")["status"] == "Succeeded"


def test_only_overwrite_blobs_replaces_a_blob(source: SandboxSide) -> None:
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


def test_only_overwrite_tags_replaces_a_tag(source: SandboxSide, target: SandboxSide) -> None:
    old, new = target.image("tags/app", "1"), source.image("tags/app", "1")
    transfer_blob(source, target, "tags", "tags/app:1")
    assert target.run(target.pipeline("import", "come"), "tags")["status"] == "Failed"
    assert target.manifest("tags/app", "1") == old
    assert target.run(target.pipeline("import", "come", "OverwriteTags"), "tags")["status"] == "Succeeded"
    assert target.manifest("tags/app", "1") == new
    assert target.run(target.pipeline("import", "come"), "tags")["status"] == "Succeeded"


def test_only_delete_source_blob_on_success_deletes_the_blob(
    source: SandboxSide, target: SandboxSide
) -> None:
    source.image("gone/app", "1")
    transfer_blob(source, target, "gone", "gone/app:1")
    blob = target.container("come").get_blob_client("gone")
    target.run(target.pipeline("import", "come"), "gone")
    assert blob.exists()
    target.run(target.pipeline("import", "come", "DeleteSourceBlobOnSuccess"), "gone")
    assert not blob.exists()


def test_only_continue_on_errors_exports_the_remaining_artifacts(
    source: SandboxSide, target: SandboxSide
) -> None:
    source.image("rest/app", "1")
    wanted = ("rest/app:1", "rest/ap:1")
    assert source.run(source.pipeline("export", "out"), "rest", *wanted)["status"] == "Failed"
    assert not source.container("out").get_blob_client("rest").exists()
    response = source.run(source.pipeline("export", "out", "ContinueOnErrors"), "rest", *wanted)
    message = "Artifacts not found in registry 'contososource': 'rest/ap:1'."
    assert (response["status"], response["pipelineRunErrorMessage"]) == ("Succeeded", message)
    target.put_blob("come", "rest", source.blob("out", "rest"))
    assert target.run(target.pipeline("import", "come"), "rest")["importedArtifacts"] == ["rest/app:1"]


def test_only_continue_on_errors_imports_the_remaining_artifacts(
    source: SandboxSide, target: SandboxSide
) -> None:
    old = target.image("some/app", "1")
    source.image("some/app", "1")
    fresh = source.image("some/other", "1")
    transfer_blob(source, target, "some", "some/app:1", "some/other:1")
    assert target.run(target.pipeline("import", "come"), "some")["status"] == "Failed"
    with pytest.raises(ImageNotFoundError):
        target.manifest("some/other", "1")
    options = ("ContinueOnErrors", "DeleteSourceBlobOnSuccess")
    response = target.run(target.pipeline("import", "come", *options), "some")
    assert (response["status"], response["importedArtifacts"]) == ("Succeeded", ["some/other:1"])
    assert "'some/app:1'" in response["pipelineRunErrorMessage"]
    assert (target.manifest("some/app", "1"), target.manifest("some/other", "1")) == (old, fresh)
    assert target.container("come").get_blob_client("some").exists()  # the import was partial


def test_many_concurrent_runs_all_succeed(source: SandboxSide) -> None:
    source.image("many/app", "1")
    pipeline = source.pipeline("export", "out")
    runs = [source.start(pipeline, f"many{number}", "many/app:1") for number in range(8)]
    assert {source.ended(run)["provisioningState"] for run in runs} == {"Succeeded"}


def test_progress_is_reported_in_steps_or_only_at_start_and_end(source: SandboxSide) -> None:
    source.image("steps/app", "1")
    pipeline = source.pipeline("export", "out")
    for choice, seen in (("steps", "10"), ("ends", "0")):
        with (
            control.choice(source.paths, "source", "progress", choice),
            control.fault(source.paths, "source", "storage", path=f"/out/{choice}*comp=block", delay=1),
        ):
            run = source.start(pipeline, choice, "steps/app:1")
            until(lambda run=run: source.state(run)["response"]["progress"]["percentage"], seen.__eq__)  # type: ignore[misc]
            assert source.ended(run)["response"]["progress"] == {"percentage": "100"}


def test_a_run_whose_pipeline_is_deleted_fails_with_that_reason(source: SandboxSide) -> None:
    source.image("orphan/app", "1")
    pipeline = source.pipeline("export", "out")
    with (
        control.choice(source.paths, "source", "delete-used", "allow"),
        control.fault(source.paths, "source", "storage", path="/out/orphan", delay=3),
    ):
        run = source.start(pipeline, "orphan", "orphan/app:1")
        source.arm("DELETE", source.pipeline_path("export", pipeline))
        state = source.ended(run)
    assert state["provisioningState"] == "Failed"
    assert "was deleted before the run ended" in state["response"]["pipelineRunErrorMessage"]


def test_a_run_is_repeated_only_with_a_new_tag(source: SandboxSide) -> None:
    source.image("once/app", "1")
    pipeline = source.pipeline("export", "out")
    path = source.registry_path("pipelineRuns", "onceonly")
    body = source.run_request(pipeline, "once", "once/app:1")

    def put(tag: str) -> dict[str, Any]:
        body["properties"]["forceUpdateTag"] = tag
        source.arm("PUT", path, body)
        response: dict[str, Any] = source.ended("onceonly")["response"]
        return response

    first = put("a")
    assert put("a") == first
    refused = put("b")
    assert (first["status"], refused["status"]) == ("Succeeded", "Failed")  # the blob exists
    source.container("out").delete_blob("once")
    assert put("b") == refused
    assert put("c")["status"] == "Succeeded"

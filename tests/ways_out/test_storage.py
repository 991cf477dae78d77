"""The ways out of faults of a storage account, and of blobs that are missing, damaged or in the way."""

from __future__ import annotations

import hashlib
from pathlib import Path

from azure.storage.blob import BlobClient, ContentSettings

from sandbox.arm.resource_id import ResourceId
from sandbox.cloud.cloud import ACCOUNTS
from sandbox.cloud.definitions import SOURCE
from tests.rights.callers import blob_client, opened
from tests.ways_out.pair import Pair, leads_out

_CATEGORY = {"category": "acr-transfer-blob"}


def blob(pair: Pair, side: str, name: str) -> BlobClient:
    """A blob of one side, with all rights."""
    azure = pair.azure(side)
    return blob_client(
        pair.paths, azure.definition, f"{pair.project.outputs(pair.stack(side))['containerUrl']}/{name}"
    )


def exported(pair: Pair) -> str:
    """The name of the exported blob."""
    (run,) = pair.project.outputs(pair.source)["runs"]
    return str(run["blob"])


@leads_out("storage-firewall")
def test_a_firewall_of_the_account_is_opened(pair: Pair) -> None:
    pair.azure("source").change(pair.account("source"), networkAcls={"defaultAction": "Deny"})
    pair.demand_run("source")
    pair.check(pair.up("source", good=False), "storage-firewall")
    pair.check(pair.status(), "storage-firewall")
    pair.follow(pair.doctor("source"), "storage-firewall", side="source")
    pair.status(code=0)
    pair.doctor("source", code=0)
    pair.works("source")


@leads_out("shared-keys-disabled")
def test_shared_keys_are_enabled(pair: Pair) -> None:
    pair.azure("source").change(pair.account("source"), allowSharedKeyAccess=False)
    pair.demand_run("source")
    pair.check(pair.up("source", good=False), "shared-keys-disabled")
    pair.check(pair.doctor("source"), "shared-keys-disabled")
    pair.follow(pair.status(), "shared-keys-disabled", side="source")
    pair.status(code=0)
    pair.works("source")


@leads_out("blob-damaged")
def test_a_damaged_blob_is_copied_again(pair: Pair) -> None:
    content = b"not an archive"
    md5 = ContentSettings(content_md5=bytearray(hashlib.md5(content).digest()))
    damaged = blob(pair, "target", exported(pair))
    damaged.upload_blob(content, overwrite=True, metadata=_CATEGORY, content_settings=md5)
    pair.demand_run("target")
    pair.check(pair.up("target", good=False), "blob-damaged")
    pair.follow(pair.status(), "blob-damaged", side="target")
    pair.status(code=0)
    pair.works("target")


@leads_out("blob-ignored")
def test_a_blob_that_the_trigger_ignores_is_removed_and_copied_again(pair: Pair) -> None:
    pair.set("source", "acr-transfer:artifacts[0]", "shop/cart:1.0.0", "--path")
    pair.up("source")
    blob(pair, "target", exported(pair)).upload_blob(b"by hand")
    pair.follow(pair.doctor("target"), "blob-ignored", side="target")
    pair.doctor("target", code=0)
    pair.works("target")
    pair.command("prove", *pair.both, code=0)


@leads_out()
def test_an_imported_blob_that_somebody_removed_is_copied_after_its_run_failed(pair: Pair) -> None:
    blob(pair, "target", exported(pair)).delete_blob()
    assert "imported: by a run at the target" in pair.command("hop", *pair.both, code=0)
    pair.demand_run("target")
    pair.follow(pair.up("target", good=False), "blob-missing", side="target")
    pair.works("target")


def keep_blobs(pair: Pair) -> None:
    """Let the source's pipeline overwrite no blob, and run again."""
    pair.project.run("pulumi", "config", "rm", "acr-transfer:options", "-s", pair.source)
    pair.set("source", "acr-transfer:options[0]", "ContinueOnErrors", "--path")
    pair.demand_run("source")


@leads_out("blob-exists")
def test_an_existing_blob_is_overwritten_or_gets_another_name(pair: Pair) -> None:
    keep_blobs(pair)
    pair.check(pair.up("source", good=False), "blob-exists")
    pair.follow(pair.status(), "blob-exists", side="source")
    pair.status(code=0)
    pair.works("source")


@leads_out()
def test_an_existing_blob_is_left_alone_with_another_prefix(pair: Pair) -> None:
    keep_blobs(pair)
    pair.follow(pair.up("source", good=False), "blob-exists", side="source", way=1, new="second-")
    pair.works("source")
    assert exported(pair).startswith("second-")
    pair.project.run("pulumi", "config", "rm", "acr-transfer:blobPrefix", "-s", pair.source)
    pair.project.run("pulumi", "config", "rm", "acr-transfer:options", "-s", pair.source)
    pair.up("source")
    pair.works("source")


@leads_out("blob-missing")
def test_a_blob_that_the_target_lacks_is_copied(pair: Pair) -> None:
    pair.set("source", "acr-transfer:artifacts[0]", "shop/api:1.0.0", "--path")
    pair.up("source")
    pair.follow(pair.doctor(code=0), "blob-missing", side="target")
    assert "warning" not in pair.doctor(code=0)
    pair.works("source", "target")
    pair.command("prove", *pair.both, code=0)


@leads_out()
def test_a_blob_that_the_target_lacks_is_copied_from_a_disk(pair: Pair, tmp_path: Path) -> None:
    pair.set("source", "acr-transfer:artifacts[0]", "shop/api:1.1.0", "--path")
    pair.up("source")
    pair.command("pack", str(tmp_path / "disk"), "--source", pair.source, code=0)
    said = pair.doctor(code=0)
    pair.follow(said, "blob-missing", side="target", way=1, folder=str(tmp_path / "disk"))
    assert "warning" not in pair.doctor(code=0)
    pair.works("source", "target")


@leads_out("check-failed")
def test_a_check_that_fails_itself_leaves_a_log(pair: Pair, tmp_path: Path) -> None:
    id = ResourceId.parse(pair.account("source"))
    assert id
    with opened(SOURCE, pair.paths) as cloud:
        body = cloud.resources.get(id)
        assert body
        cloud.resources.put(id, ACCOUNTS, {**body, "properties": {**body["properties"], "networkAcls": "x"}})
        said = pair.doctor("source", code=0)
        pair.follow(said, "check-failed", side="source", file=str(tmp_path / "log"))
        cloud.resources.put(id, ACCOUNTS, body)
    assert "AttributeError" in (tmp_path / "log").read_text()
    assert "warning" not in pair.doctor("source", code=0)
    pair.works("source")

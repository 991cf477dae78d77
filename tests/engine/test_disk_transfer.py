"""A transfer with a disk: the target side has only the folder, and sends no request to the source cloud."""

from __future__ import annotations

import shutil
from pathlib import Path

from sandbox.cloud.cloud import Cloud
from sandbox.cloud.definitions import SOURCE, TARGET
from sandbox.cloud.paths import Paths
from tests.engine.projects import Project

ARTIFACTS = ["shop/web:1.0.0", "platform/agent:2.0"]


def test_a_folder_transfers_the_images_and_the_target_side_proves_them(
    tmp_path: Path, checkout: Path, sandbox_environment: dict[str, str], paths: Paths
) -> None:
    here, there, disk, carried = (tmp_path / name for name in ("here", "there", "disk", "carried"))
    here.mkdir()
    there.mkdir()
    near = Project.made(here, checkout, sandbox_environment)
    lock = here / "transfer.lock.json"
    near.stack("disk-source", SOURCE, sasExpiry="2098-01-01T00:00:00Z", lock=str(lock))
    near.run("acr-transfer", "plan", *ARTIFACTS, "--source", "disk-source", "--out", str(lock))
    near.up("disk-source")
    near.run("acr-transfer", "pack", str(disk), "--source", "disk-source", "--part-size", "8M")
    shutil.copytree(disk, carried)
    shutil.rmtree(disk)
    shutil.rmtree(here)
    asked = operator_requests(paths)

    far = Project.made(there, checkout, sandbox_environment)
    handover = carried / "handover.json"
    far.stack("disk-target", TARGET, sasExpiry="2098-01-01T00:00:00Z", handover=str(handover))
    far.up("disk-target")
    said = far.run("acr-transfer", "unpack", str(carried), "--target", "disk-target")
    assert "copied" in said
    proof = ("--handover", str(handover), "--target", "disk-target", "--wait", "120")
    said = far.run("acr-transfer", "prove", *proof)
    assert f"{len(ARTIFACTS)} of {len(ARTIFACTS)} artifacts proved" in said
    assert operator_requests(paths) == asked


def operator_requests(paths: Paths) -> int:
    """The number of requests to the source cloud by its operator; pipelines of other tests send others."""
    exchanges = Cloud(SOURCE, paths).request_log.exchanges()
    return sum(exchange["principal"] == SOURCE.operator for exchange in exchanges)

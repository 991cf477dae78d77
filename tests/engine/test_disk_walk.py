"""The walk with a disk: the far side has the folder, and asks the source's cloud nothing."""

from __future__ import annotations

import shutil
from pathlib import Path

from sandbox.cloud.definitions import SOURCE, TARGET
from sandbox.cloud.paths import Paths
from sandbox.cloud.store import Store
from tests.engine.projects import Project

ARTIFACTS = ["shop/web:1.0.0", "platform/agent:2.0"]


def test_a_folder_carries_the_images_and_the_far_side_proves_them(
    tmp_path: Path, checkout: Path, sandbox_environment: dict[str, str], paths: Paths
) -> None:
    here, there, disk, carried = (tmp_path / name for name in ("here", "there", "disk", "carried"))
    here.mkdir()
    there.mkdir()
    near = Project.made(here, checkout, sandbox_environment)
    lock = here / "transfer.lock.json"
    near.stack("walk-source", SOURCE, sasExpiry="2098-01-01T00:00:00Z", lock=str(lock))
    near.run("acr-transfer", "plan", *ARTIFACTS, "--source", "walk-source", "--out", str(lock))
    near.up("walk-source")
    near.run("acr-transfer", "pack", str(disk), "--source", "walk-source", "--part-size", "8M")
    shutil.copytree(disk, carried)
    shutil.rmtree(disk)
    shutil.rmtree(here)
    asked = asked_by_people(paths)

    far = Project.made(there, checkout, sandbox_environment)
    handover = carried / "handover.json"
    far.stack("walk-target", TARGET, sasExpiry="2098-01-01T00:00:00Z", handover=str(handover))
    far.up("walk-target")
    said = far.run("acr-transfer", "unpack", str(carried), "--target", "walk-target")
    assert "copied" in said
    proof = ("--handover", str(handover), "--target", "walk-target", "--wait", "120")
    said = far.run("acr-transfer", "prove", *proof)
    assert f"{len(ARTIFACTS)} of {len(ARTIFACTS)} artifacts proved" in said
    assert asked_by_people(paths) == asked


def asked_by_people(paths: Paths) -> int:
    """How often the source's cloud was asked, but for what the pipelines of other tests ask by themselves."""
    exchanges = Store(paths.state / SOURCE.side).exchanges()
    return sum(exchange["principal"] == SOURCE.operator for exchange in exchanges)

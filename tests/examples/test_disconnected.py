"""The example for disconnected clouds: two backends, and a folder that is carried between them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from sandbox.cloud.definitions import TARGET
from sandbox.cloud.paths import Paths
from tests.examples.conftest import Copy
from tests.examples.example import Example, imported, resource_ids
from tests.examples.pair import artifacts_of, assert_arrived, blobs_of

SOURCE_STACK, TARGET_STACK = "disconnected-source", "disconnected-target"
ARTIFACTS = ["secure/vault-agent:3.1", "shop/cart:1.0.0"]


def test_images_reach_a_disconnected_cloud_in_files(
    copied: Copy, paths: Paths, checkout: Path, tmp_path: Path
) -> None:
    before = resource_ids(paths)
    here = copied("disconnected")
    here.run("pulumi", "stack", "init", SOURCE_STACK)
    here.run("acr-transfer", "plan", "--source", SOURCE_STACK, *ARTIFACTS)
    here.up(SOURCE_STACK)
    exported = here.outputs(SOURCE_STACK)
    here.run("acr-transfer", "pack", "disk", "--source", SOURCE_STACK)

    there = on_the_other_side(here, tmp_path / "the other side", checkout)
    shutil.move(here.folder / "disk", there.folder / "disk")
    assert "This deployment imports nothing" in there.up_from_nothing(TARGET_STACK)
    there.run("acr-transfer", "unpack", "disk", "--target", TARGET_STACK)
    there.up(TARGET_STACK)
    artifacts = artifacts_of(exported)
    assert set(ARTIFACTS) <= set(artifacts)
    assert {run["status"] for run in there.outputs(TARGET_STACK)["runs"]} == {"Succeeded"}
    assert imported(paths, TARGET, "disconnectedImport") == blobs_of(exported)
    assert_arrived(paths, TARGET, TARGET.registry, artifacts)
    output = there.run("acr-transfer", "prove", "--handover", "disk/handover.json", "--target", TARGET_STACK)
    assert f"{len(artifacts)} of {len(artifacts)} artifacts proved" in output

    here.up_changes_nothing(SOURCE_STACK)
    there.up_changes_nothing(TARGET_STACK)
    a_changed_hand_over_is_refused(there)
    assert "sig=" not in here.said + there.said
    here.destroy(SOURCE_STACK)
    there.destroy(TARGET_STACK)
    assert resource_ids(paths) == before


def a_changed_hand_over_is_refused(there: Example) -> None:
    """A hand-over file that was changed on the way is refused."""
    path = there.folder / "disk" / "handover.json"
    whole = path.read_text()
    document = json.loads(whole)
    document["blobs"][0]["artifacts"][0] = "shop/other:1"
    path.write_text(json.dumps(document))
    output = there.up(TARGET_STACK, good=False)
    assert "was changed after it was written" in output
    assert "pulumi stack output handover" in output
    assert "Traceback" not in output
    path.write_text(whole)


def on_the_other_side(here: Example, folder: Path, checkout: Path) -> Example:
    """A folder with its own Pulumi backend, which does not know the source stack."""
    backend = folder / "backend"
    backend.mkdir(parents=True)
    there = Example.copied("disconnected", folder, checkout, here.environment)
    (there.folder / f"Pulumi.{SOURCE_STACK}.yaml").unlink()
    there.environment = {**here.environment, "PULUMI_BACKEND_URL": f"file://{backend}"}
    return there

"""Over a gap: two backends, and a hand-over file and blobs in files that go from one side to the other."""

from __future__ import annotations

import json
import ssl
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

from azure.storage.blob import ContainerClient

from sandbox import lifecycle
from sandbox.facts import SOURCE, TARGET, CloudFacts
from sandbox.places import Places
from tests.examples.conftest import Copy
from tests.examples.example import Example, everything, imported
from tests.examples.test_examples import artifacts_of, assert_arrived, blobs_of

SOURCE_STACK, TARGET_STACK = "disconnected-source", "disconnected-target"


def test_images_go_over_a_gap_in_files(copied: Copy, places: Places, tmp_path: Path) -> None:
    before = everything(places)
    here = copied("disconnected")
    here.run("pulumi", "stack", "init", SOURCE_STACK)
    here.run("acr-transfer", "plan", "--source", SOURCE_STACK, "shop/cart:1.0.0", "secure/vault-agent:3.1")
    here.up(SOURCE_STACK)
    exported = here.outputs(SOURCE_STACK)
    disk = tmp_path / "disk"
    disk.mkdir()
    (disk / "handover.json").write_text(
        here.run("pulumi", "stack", "output", "handover", "--stack", SOURCE_STACK)
    )
    carried(places, SOURCE, exported["containerUrl"], disk, down=True)

    there = on_the_other_side(here, tmp_path)
    (there.folder / "handover.json").write_bytes((disk / "handover.json").read_bytes())
    assert "Nothing is imported yet" in there.up_from_nothing(TARGET_STACK)
    carried(places, TARGET, there.outputs(TARGET_STACK)["containerUrl"], disk, down=False)
    there.up(TARGET_STACK)
    artifacts = artifacts_of(exported)
    assert {run["status"] for run in there.outputs(TARGET_STACK)["runs"]} == {"Succeeded"}
    assert imported(places, TARGET, "disconnectedImport") == blobs_of(exported)
    assert_arrived(places, TARGET, TARGET.registry, artifacts)
    said = there.run("acr-transfer", "prove", "--handover", "handover.json", "--target", TARGET_STACK)
    assert f"{len(artifacts)} of {len(artifacts)} artifacts proved" in said

    for side, stack in ((here, SOURCE_STACK), (there, TARGET_STACK)):
        side.up_changes_nothing(stack)
    a_changed_hand_over_is_refused(there)
    (there.folder / "handover.json").write_bytes((disk / "handover.json").read_bytes())
    here.destroy(SOURCE_STACK)
    there.destroy(TARGET_STACK)
    assert everything(places) == before


def a_changed_hand_over_is_refused(there: Example) -> None:
    """Whatever happened to the file on its way, nothing is done with it."""
    path = there.folder / "handover.json"
    document = json.loads(path.read_text())
    document["blobs"][0]["artifacts"][0] = "shop/other:1"
    path.write_text(json.dumps(document))
    said = there.up(TARGET_STACK, good=False)
    assert "was changed after it was written" in said
    assert "pulumi stack output handover" in said
    assert "Traceback" not in said


def on_the_other_side(here: Example, tmp_path: Path) -> Example:
    """The same folder with a Pulumi backend of its own, which knows nothing of the source's stack."""
    backend = tmp_path / "the other backend"
    backend.mkdir()
    return Example(here.folder, {**here.environment, "PULUMI_BACKEND_URL": f"file://{backend}"})


def carried(places: Places, facts: CloudFacts, container_url: str, disk: Path, *, down: bool) -> None:
    """Write the container's blobs to the disk, or the disk's blobs to the container, by Azure's client."""
    account = urlsplit(container_url).path.split("/")[1]
    names = [blob["name"] for blob in json.loads((disk / "handover.json").read_text())["blobs"]]
    with ContainerClient.from_container_url(
        container_url, credential=account_key(places, facts, account), connection_verify=str(places.bundle)
    ) as container:
        for name in names:
            if down:
                (disk / name).write_bytes(container.download_blob(name).readall())
            else:
                container.upload_blob(name, (disk / name).read_bytes())


def account_key(places: Places, facts: CloudFacts, account: str) -> dict[str, str]:
    """A key of the example's account, as Azure Resource Manager gives it to its owner."""
    cloud = lifecycle.status(places)["clouds"][facts.side]
    provider = "providers/Microsoft.Storage/storageAccounts"
    place = f"subscriptions/{facts.subscription}/resourceGroups/disconnected/{provider}/{account}"
    request = urllib.request.Request(
        f"{cloud['arm']}/{place}/listKeys?api-version=2024-01-01",
        data=b"{}",
        headers={"Authorization": f"Bearer {cloud['token']}"},
    )
    trust = ssl.create_default_context(cafile=str(places.authority))
    with urllib.request.urlopen(request, context=trust) as answer:
        key: str = json.load(answer)["keys"][0]["value"]
    return {"account_name": account, "account_key": key}

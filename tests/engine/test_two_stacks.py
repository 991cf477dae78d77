"""The two stacks on the real engine and the sandbox, as a user runs them, from nothing to nothing."""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from sandbox import status
from sandbox.arm.resource_id import ResourceId
from sandbox.cloud.cloud import Cloud
from sandbox.cloud.definitions import CLOUDS, SOURCE, TARGET, CloudDefinition
from sandbox.cloud.paths import Paths
from sandbox.samples import artifacts
from tests import leak_scan
from tests.engine.existing import Existing
from tests.engine.projects import EVERY_RUN, Project

SMALL = [artifact for artifact in artifacts() if not artifact.startswith("data/")]
"""The samples without the large images: still more than one run takes."""


@pytest.fixture(scope="module")
def pair(
    tmp_path_factory: pytest.TempPathFactory, checkout: Path, sandbox_environment: dict[str, str]
) -> Project:
    """Both sides deployed once; the source side exported more than fifty artifacts."""
    project = Project.made(tmp_path_factory.mktemp("a pair"), checkout, sandbox_environment)
    project.source("pair-source", SMALL)
    project.target("pair-target", "pair-source")
    project.up("pair-source")
    project.up("pair-target")
    return project


@pytest.fixture(scope="module")
def arrived(pair: Project) -> str:
    """The output of `prove` after the hop and the triggered imports."""
    stacks = ("--source", "pair-source", "--target", "pair-target")
    pair.run("acr-transfer", "hop", *stacks)
    return pair.run("acr-transfer", "prove", *stacks, "--wait", "120")


def test_more_than_fifty_artifacts_become_several_runs_that_succeed(pair: Project) -> None:
    runs = pair.outputs("pair-source")["runs"]
    assert len(runs) >= 2
    assert {run["status"] for run in runs} == {"Succeeded"}
    assert sorted(artifact for run in runs for artifact in run["artifacts"]) == sorted(SMALL)


@pytest.mark.parametrize("stack", ["pair-source", "pair-target"])
def test_a_second_up_changes_nothing(pair: Project, stack: str) -> None:
    said = pair.up(stack)
    assert "unchanged" in said
    assert not re.search(r"\d+ (created|updated|deleted|replaced)", said), said


def test_every_artifact_arrives_with_its_digest(arrived: str) -> None:
    assert f"{len(SMALL)} of {len(SMALL)} artifacts proved" in arrived


def test_an_independent_reader_sees_equal_manifests_on_both_sides(arrived: str, paths: Paths) -> None:
    """curl reads what the registries hold: index, children and the signature among them."""
    del arrived
    for repository, reference in (
        ("platform/agent", "2.0"),
        ("secure/vault-agent", SMALL_SIGNATURE.partition("@")[2]),
    ):
        bodies = {_curled(paths, Cloud(definition, paths), repository, reference) for definition in CLOUDS}
        assert len(bodies) == 1
        for child in json.loads(bodies.pop()).get("manifests", []):
            assert len({_curled(paths, Cloud(f, paths), repository, child["digest"]) for f in CLOUDS}) == 1


def registry_id(definition: CloudDefinition) -> ResourceId:
    """The registry that was there before."""
    place = ("Microsoft.ContainerRegistry", ("registries", definition.registry))
    return ResourceId(definition.subscription, definition.registry_group, *place)


SMALL_SIGNATURE = next(artifact for artifact in SMALL if artifact.startswith("secure/vault-agent@"))


def _curled(paths: Paths, cloud: Cloud, repository: str, reference: str) -> bytes:
    bearer = cloud.authorise(cloud.definition.registry, repository)["Authorization"]
    url = f"https://{cloud.login_server(cloud.definition.registry)}/v2/{repository}/manifests/{reference}"
    accept = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json"
    config = f'url = "{url}"\nheader = "Authorization: {bearer}"\nheader = "Accept: {accept}"\nfail\nsilent\n'
    command = ["curl", "--cacert", str(paths.authority), "--config", "-"]
    return subprocess.run(command, input=config.encode(), capture_output=True, check=True).stdout


def test_a_key_is_rolled_without_a_gap(pair: Project, paths: Paths) -> None:
    """The token moves to the other key, and another secret, while the first key still opens the container."""
    for key, value in (("sasKey", "key2"), ("sasSecretName", "rolled")):
        pair.run("pulumi", "config", "set", f"acr-transfer:{key}", value, "--stack", "pair-source")
    said = pair.up("pair-source")
    assert re.search(r"~ 1 updated\s+\+-1 replaced", said), said
    account = pair.outputs("pair-source")["containerUrl"].split("/")[-2]
    Existing.of(paths, SOURCE, "tests-pair-source").roll(account, "key1")


def test_a_new_force_update_tag_runs_every_export_again_and_nothing_else(pair: Project) -> None:
    before = {run["name"]: run["started"] for run in pair.outputs("pair-source")["runs"]}
    pair.run("pulumi", "config", "set", "acr-transfer:forceUpdateTag", "2", "--stack", "pair-source")
    said = pair.up("pair-source")
    after = {run["name"]: run["started"] for run in pair.outputs("pair-source")["runs"]}
    assert f"{len(before)} updated" in said
    assert before.keys() == after.keys()
    assert all(after[name] > before[name] for name in before)


def test_the_log_shows_what_the_program_sent(pair: Project, paths: Paths) -> None:
    del pair
    lines = [json.dumps(exchange) for exchange in Cloud(SOURCE, paths).request_log.exchanges()]
    assert any('"PUT"' in line and "/pipelineRuns/" in line and "forceUpdateTag" in line for line in lines)


def test_no_secret_is_in_the_checkout(pair: Project, arrived: str, checkout: Path) -> None:
    """The scan after each test searches the project, the state and the processes."""
    del arrived
    assert leak_scan.SCAN
    pair.run("pulumi", "stack", "export", "--stack", "pair-source", "--file", "export.json")
    assert len([name for name in leak_scan.SCAN.names.values() if name.startswith("SAS token")]) >= 6
    assert "passphrase of the stacks" in leak_scan.SCAN.names.values()
    scan = replace(leak_scan.SCAN, folder=checkout, heard=[], _searched={})
    assert scan.leaks() == []


def test_in_the_engines_trace_only_the_engine_shows_a_secret(pair: Project) -> None:
    """`pulumi -v=9` is not for users (docs/security.md). Our processes add no secret to it."""
    pair.run("pulumi", "config", "set", "acr-transfer:sasExpiry", "2097-06-01T00:00:00Z", "-s", "pair-source")
    command = ["pulumi", "up", "--yes", "--skip-preview", "-v=9", "--logtostderr", "--stack", "pair-source"]
    traced = subprocess.run(
        command, cwd=pair.folder, env=pair.environment, capture_output=True, text=True, check=True
    )
    leak_scan.hear("")  # the new token is known now
    assert leak_scan.SCAN
    forms = [form for form in leak_scan.SCAN.names if len(form) > 20]
    lines = [line for line in traced.stderr.splitlines() if any(form in line for form in forms)]
    # The engine writes one JSON object on each line.
    assert [line[:60] for line in lines if not line.startswith('{"time":')] == []
    assert [form for form in forms if form in traced.stdout] == []


def test_destroy_leaves_the_registries_with_their_images_and_nothing_else(
    pair: Project, arrived: str, paths: Paths
) -> None:
    del arrived
    pair.run("acr-transfer", "clean", "--source", "pair-source", "--target", "pair-target", *EVERY_RUN)
    for stack in ("pair-target", "pair-source"):
        pair.run("pulumi", "destroy", "--stack", stack, "--yes", "--skip-preview", "--suppress-progress")
    held = status.status(paths)["clouds"]
    for definition in (SOURCE, TARGET):
        group = f"/subscriptions/{definition.subscription}/resourceGroups/tests-pair-{definition.side}"
        store = Cloud(definition, paths).resources
        assert store.get(group) is None
        assert [
            each for each in store.ids_below(registry_id(definition)) if f"pair{definition.side}" in each
        ] == []
        assert definition.registry in held[definition.side]["registries"]
    target = Cloud(TARGET, paths)
    assert _curled(paths, target, "platform/agent", "2.0")

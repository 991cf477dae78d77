"""A copy of one folder of `examples/`, which a test runs as its README describes."""

from __future__ import annotations

import json
import re
import shutil
import ssl
import urllib.request
from pathlib import Path
from typing import Any

from sandbox.arm.resource_id import ResourceId
from sandbox.cloud.cloud import Cloud
from sandbox.cloud.definitions import CLOUDS, CloudDefinition
from sandbox.cloud.paths import Paths
from tests.engine.projects import PROGRAM, Project

_MANIFESTS = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json"
_RUNS = "Microsoft.ContainerRegistry/registries/pipelineRuns"


class Example(Project):
    """A copy of an example beside the program, as in a checkout."""

    @classmethod
    def copied(cls, name: str, folder: Path, checkout: Path, environment: dict[str, str]) -> Example:
        """Copy the example, and link the files that it shares with the checkout."""
        for shared in PROGRAM:
            (folder / shared).symlink_to(checkout / shared)
        own = folder / "examples" / name
        shutil.copytree(checkout / "examples" / name, own, ignore=shutil.ignore_patterns("node_modules"))
        return cls(own, environment)

    def up_from_nothing(self, stack: str) -> str:
        """`pulumi stack init` with the example's stack file, then `pulumi up`."""
        self.run("pulumi", "stack", "init", stack)
        # The sandbox of the tests applies roles at once.
        self.run("pulumi", "config", "set", "acr-transfer:roleWaitSeconds", "0", "--stack", stack)
        return self.up(stack)

    def up_changes_nothing(self, stack: str) -> None:
        """A second `pulumi up` changes no resource."""
        output = self.up(stack)
        assert "unchanged" in output, output
        assert not re.search(r"\d+ (created|updated|deleted|replaced)", output), output

    def destroy(self, *stacks: str) -> None:
        """`pulumi destroy` without confirmation, the last stack first."""
        plain = ("--yes", "--skip-preview", "--suppress-progress", "--color", "never")
        for stack in reversed(stacks):
            self.run("pulumi", "destroy", "--stack", stack, *plain)


def manifests(paths: Paths, definition: CloudDefinition, registry: str, reference: str) -> list[bytes]:
    """A manifest and all its children, as the registry returns them."""
    name, at, digest = reference.partition("@")
    repository, _, tag = name.partition(":")
    body = _manifest(paths, Cloud(definition, paths), registry, repository, digest if at else tag)
    children = [child["digest"] for child in json.loads(body).get("manifests", [])]
    return [
        body,
        *(
            each
            for child in children
            for each in manifests(paths, definition, registry, f"{repository}@{child}")
        ),
    ]


def _manifest(paths: Paths, cloud: Cloud, registry: str, repository: str, reference: str) -> bytes:
    url = f"https://{cloud.login_server(registry)}/v2/{repository}/manifests/{reference}"
    headers = {"Accept": _MANIFESTS, **cloud.authorise(registry, repository)}
    trust = ssl.create_default_context(cafile=str(paths.authority))
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), context=trust) as response:
        body: bytes = response.read()
    return body


def imported(paths: Paths, definition: CloudDefinition, pipeline: str) -> list[str]:
    """The blobs that runs of an import pipeline have imported."""
    runs = [_run(body) for body in Cloud(definition, paths).resources.of_type(_RUNS)]
    return sorted(
        blob
        for run_pipeline, status, blob in runs
        if run_pipeline.endswith(f"/{pipeline}") and status == "Succeeded"
    )


def _run(body: dict[str, Any]) -> tuple[str, str, str]:
    request, response = body["properties"]["request"], body["properties"]["response"]
    return (
        request["pipelineResourceId"],
        response["status"],
        response.get("source", {}).get("uri", "").rpartition("/")[2],
    )


def resource_ids(paths: Paths) -> set[str]:
    """The IDs of all resources in both clouds, in lower case, without soft-deleted vaults."""
    return {
        found.lower()
        for definition in CLOUDS
        for found in Cloud(definition, paths).resources.ids_below(ResourceId(definition.subscription))
        if "/deletedvaults/" not in found.lower()
    }

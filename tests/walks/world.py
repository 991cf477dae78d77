"""A pair of stacks in a sandbox of their own, and what their user expects of them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import aiohttp
import psutil

from sandbox import lifecycle, shell_env
from sandbox.cloud import certificates
from sandbox.cloud.cloud import Cloud
from sandbox.cloud.definitions import CLOUDS, SOURCE, TARGET
from sandbox.cloud.paths import CHECKOUT, Paths
from sandbox.faults.control import send_order
from sandbox.http.azure_errors import AzureError
from sandbox.keyvault.secrets import Secrets
from sandbox.registry.oci_client import ImageNotFoundError, OciClient
from tests.engine.existing import Existing
from tests.engine.projects import Project
from tests.rights.callers import opened
from tests.transfer.pushing import delete, push

REPOSITORY = "walk/app"
FOREIGN = "foreign/app"
"""A repository at the target that belongs to nobody in this story."""

VERSIONS = {
    "azure-native:storage:BlobContainer": "2024-01-01",
    "azure-native:storage:StorageAccount": "2024-01-01",
    "azure-native:keyvault:Vault": "2024-11-01",
    "azure-native:containerregistry:ExportPipeline": "2025-06-01-preview",
    "azure-native:containerregistry:ImportPipeline": "2025-06-01-preview",
    "azure-native:containerregistry:PipelineRun": "2025-06-01-preview",
}
"""The version of the API that deletes a type of resource."""

_DEFINITIONS = {definition.side: definition for definition in CLOUDS}
_Found = TypeVar("_Found")


@dataclass
class World:
    """Two deployed stacks, the artifacts that they move, and somebody else's content beside them."""

    paths: Paths
    folder: Path
    listed: list[str] = field(default_factory=list)
    """The tags that the source stack lists."""

    pushed: dict[str, set[str]] = field(default_factory=dict)
    """Every digest that a tag has had at the source."""

    number: int = 0
    """The last number that was used in a name."""

    project: Project = field(init=False)
    foreign: str = field(init=False)
    """The digest of the foreign image."""

    @classmethod
    def new(cls, folder: Path) -> World:
        """Start a sandbox, deploy both stacks and transfer two images."""
        state = folder / "state"
        world = cls(Paths(state=state, cache=Paths.here().cache), folder)
        world.sandbox("up")
        world.sandbox("seed")
        for side in _DEFINITIONS:
            send_order(world.paths, side, "grants", seconds=0)
        (folder / "project").mkdir()
        world.project = Project.made(folder / "project", CHECKOUT, world._environment())
        world.push(), world.push()
        push(Cloud(TARGET, world.paths), FOREIGN, "1")
        world.foreign = world.digest("target", FOREIGN, "1")
        world.project.source("source", world.references())
        world.project.target("target", "source")
        return world

    def _environment(self) -> dict[str, str]:
        temporary = self.folder / "t"
        temporary.mkdir(exist_ok=True)
        own = {"PYTHONPATH": str(CHECKOUT), "TMPDIR": str(temporary), "PULUMI_SKIP_CONFIRMATIONS": "true"}
        return {**os.environ, **shell_env.variables(self.paths), **own}

    def sandbox(self, *words: str) -> None:
        """Run a command of the sandbox."""
        environment = {**os.environ, "ACR_TRANSFER_SANDBOX": str(self.paths.state)}
        whole = [sys.executable, "-m", "sandbox", *words]
        ended = subprocess.run(
            whole, cwd=CHECKOUT, env=environment, capture_output=True, text=True, check=False
        )
        assert ended.returncode == 0, ended.stderr

    def restart(self) -> None:
        """Start the killed sandbox with its state."""
        self.sandbox("up")
        self.project.environment = self._environment()

    def close(self) -> None:
        """Stop the sandbox, after which no process of this world is left."""
        lifecycle.down(self.paths)
        left = [each.info["cmdline"] for each in psutil.process_iter(["cmdline"]) if self._owns(each)]
        assert not left

    def _owns(self, process: psutil.Process) -> bool:
        """Whether a process names the world's folder in its command line or environment."""
        try:
            words = [*process.cmdline(), *process.environ().values()]
        except psutil.Error:
            return False
        return process.pid != os.getpid() and any(str(self.folder) in word for word in words)

    def next(self) -> int:
        """A number that no name has yet."""
        self.number += 1
        return self.number

    # Content

    def push(self, tag: str = "") -> str:
        """Push an image under a tag, by default a new one that the stack lists from now on."""
        if not tag:
            tag = f"v{self.next()}"
            self.listed.append(tag)
        manifest = push(Cloud(SOURCE, self.paths), REPOSITORY, tag, build=str(self.next()))
        self.pushed.setdefault(tag, set()).add(manifest.digest)
        return tag

    def references(self) -> list[str]:
        """The artifacts of the source stack's configuration."""
        return [f"{REPOSITORY}:{tag}" for tag in self.listed]

    def list_artifacts(self) -> None:
        """Write the listed artifacts to the source stack's configuration, as an editor would."""
        self.configure("source", artifacts=self.references())

    def configure(self, side: str, **values: Any) -> None:
        """Change keys in a stack's file; None removes one."""
        file = self.project.folder / f"Pulumi.{side}.yaml"
        whole = self.project.config(side)
        for key, value in values.items():
            whole["config"].pop(f"acr-transfer:{key}", None)
            if value is not None:
                whole["config"][f"acr-transfer:{key}"] = value
        file.write_text(json.dumps(whole))

    def value(self, side: str, key: str, default: Any = None) -> Any:
        """A key in a stack's file."""
        return self.project.config(side)["config"].get(f"acr-transfer:{key}", default)

    def digest(self, side: str, repository: str, reference: str) -> str:
        """The digest of a tag in a side's registry; empty if there is none."""

        async def read(client: OciClient) -> str:
            try:
                return (await client.manifest(repository, reference)).digest
            except ImageNotFoundError:
                return ""

        return self._with_registry(side, read)

    def purge(self, side: str, tag: str) -> None:
        """Delete the manifest of a tag, and with it every tag that has it."""
        if digest := self.digest(side, REPOSITORY, tag):
            delete(Cloud(_DEFINITIONS[side], self.paths), REPOSITORY, digest)

    def move(self, side: str, tag: str) -> str:
        """Push other content under an existing tag of a side; its digest."""
        cloud = Cloud(_DEFINITIONS[side], self.paths)
        return push(cloud, REPOSITORY, tag, build=str(self.next())).digest

    def _with_registry(self, side: str, use: Callable[[OciClient], Coroutine[Any, Any, _Found]]) -> _Found:
        definition = _DEFINITIONS[side]
        cloud = Cloud(definition, self.paths)

        async def run() -> _Found:
            trust = aiohttp.TCPConnector(ssl=certificates.client_context(self.paths))
            async with aiohttp.ClientSession(connector=trust) as session:
                url = f"https://{cloud.login_server(definition.registry)}"
                client = OciClient(session, url, lambda *names: cloud.authorise(definition.registry, *names))
                return await use(client)

        try:
            return asyncio.run(run())
        finally:
            cloud.database.close()

    # Azure

    def group(self, side: str) -> Existing:
        """The management clients of a stack's resource group."""
        return Existing.of(self.paths, _DEFINITIONS[side], f"tests-{side}")

    def resources(self, side: str) -> dict[str, str]:
        """The resource IDs in a stack's state by type token, such as `azure-native:storage:BlobContainer`."""
        exported = json.loads(self.project.run("pulumi", "stack", "export", "--stack", side))
        found = exported["deployment"].get("resources") or []
        return {each["type"]: each["id"] for each in found if each.get("id")}

    def resource_name(self, side: str, kind: str) -> str:
        """The name of a resource in a stack's state; empty if the stack has none of the kind."""
        return self.resources(side).get(kind, "").rpartition("/")[2]

    def delete(self, side: str, kind: str) -> None:
        """Delete a resource of a stack by Resource Manager; the runs of a pipeline before it."""
        if not (id := self.resources(side).get(kind)):
            return
        group = self.group(side)
        if kind.endswith("Pipeline"):
            for run in group.runs_of(id):
                group.delete(run, VERSIONS["azure-native:containerregistry:PipelineRun"])
        group.delete(id, VERSIONS[kind])

    def with_secret(self, side: str, use: Callable[[Secrets, str], object]) -> None:
        """Change the secret of the SAS token, as somebody with every right in the vault."""
        vault = self.resource_name(side, "azure-native:keyvault:Vault")
        if name := self.resource_name(side, "azure-native:keyvault:Secret"):
            with opened(_DEFINITIONS[side], self.paths) as cloud, contextlib.suppress(AzureError):
                use(Secrets(cloud.database, vault), name)

    def close_account(self, side: str) -> None:
        """Close the storage account to all networks."""
        if name := self.resource_name(side, "azure-native:storage:StorageAccount"):
            self.group(side).close_account(name)

    def exports(self) -> dict[str, tuple[str, str, str]]:
        """Tag, status and start of each run of the source's registry, by its name."""
        with opened(SOURCE, self.paths) as cloud:
            listed = cloud.resources.of_type("Microsoft.ContainerRegistry/registries/pipelineRuns")
        return {
            body["name"]: (
                str(body["sandbox"]["forceUpdateTag"]),
                str((body["properties"].get("response") or {}).get("status")),
                str((body["properties"].get("response") or {}).get("startTime")),
            )
            for body in listed
        }

    def foreign_now(self) -> str:
        """The digest of the foreign image now."""
        return self.digest("target", FOREIGN, "1")

"""A Pulumi project for one test: this repository's program next to stack files that the test writes."""

from __future__ import annotations

import contextlib
import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from sandbox.cloud.definitions import SOURCE, TARGET, CloudDefinition
from tests import leak_scan

PROGRAM = (
    "__main__.py",
    "stack",
    "components",
    "acr_transfer",
    ".venv",
)

EVERY_RUN = ("--older-than", "0", "--all-runs", "--yes")
"""The options with which `acr-transfer clean` removes the runs of a trigger before the end of its stack."""


@dataclass
class Project:
    """A folder with the program in it, and the environment of the sandbox."""

    folder: Path
    environment: dict[str, str]
    token_ends: str = "2098-01-01T00:00:00Z"
    """The end of the SAS tokens of its stacks, unless they set another one."""

    said: str = ""
    """The output of every command so far, for the search for leaks."""

    @classmethod
    def made(cls, folder: Path, checkout: Path, environment: dict[str, str]) -> Project:
        """Create a project: links to the program, and a copy of the project file."""
        for name in PROGRAM:
            (folder / name).symlink_to(checkout / name)
        (folder / "Pulumi.yaml").write_text((checkout / "Pulumi.yaml").read_text())
        return cls(folder, environment)

    def stack(self, name: str, definition: CloudDefinition, **config: Any) -> str:
        """Create a stack with this configuration; keys are without their namespace."""
        registry = {"registry": definition.registry, "registryResourceGroup": definition.registry_group}
        own = {"resourceGroup": f"tests-{name}", "pipeline": name.replace("-", "")}
        roles = {"roleWaitSeconds": 0}  # the sandbox of the tests applies roles at once
        given = {"side": definition.side, **own, **registry, **roles, **config}
        cloud = {"environment": definition.name, "location": definition.location}
        cloud |= {"subscriptionId": definition.subscription, "tenantId": definition.tenant}
        whole = {f"acr-transfer:{key}": value for key, value in given.items()}
        whole |= {f"azure-native:{key}": value for key, value in cloud.items()}
        (self.folder / f"Pulumi.{name}.yaml").write_text(json.dumps({"config": whole}))
        self.run("pulumi", "stack", "init", name)
        return name

    def source(self, name: str, artifacts: list[str], **config: Any) -> str:
        """Create a source stack with a token that lasts long enough."""
        return self.stack(name, SOURCE, **{"sasExpiry": self.token_ends, "artifacts": artifacts, **config})

    def target(self, name: str, source: str, **config: Any) -> str:
        """Create a target stack of that source."""
        return self.stack(name, TARGET, **{"sasExpiry": self.token_ends, "source": source, **config})

    def config(self, stack: str) -> dict[str, Any]:
        """The stack's configuration file."""
        found: dict[str, Any] = yaml.safe_load((self.folder / f"Pulumi.{stack}.yaml").read_text())
        return found

    def run(self, *command: str, good: bool = True) -> str:
        """Run a command in the project and return both its streams; `good` if it must succeed."""
        ended = self.attempt(*command)
        assert (ended.returncode == 0) is good, ended.stdout
        return ended.stdout

    def attempt(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command in the project; both its streams are in `stdout`."""
        with leak_scan.watched():
            ended = subprocess.run(
                command,
                cwd=self.folder,
                env=self.environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=300,
                check=False,
            )
        self.said += ended.stdout
        leak_scan.hear(ended.stdout)
        return ended

    def up(self, stack: str, *options: str, good: bool = True) -> str:
        """`pulumi up` without questions."""
        plain = ("--yes", "--skip-preview", "--suppress-progress", "--color", "never")
        return self.run("pulumi", "up", "--stack", stack, *plain, *options, good=good)

    @contextlib.contextmanager
    def killed(self, stack: str) -> Iterator[None]:
        """`pulumi up` until the end of the block, where the engine is killed as by `kill -9`."""
        command = ("pulumi", "up", "--stack", stack, "--yes", "--skip-preview", "--suppress-progress")
        with (
            (self.folder / "killed.log").open("wb") as log,
            subprocess.Popen(
                command, cwd=self.folder, env=self.environment, stdout=log, stderr=subprocess.STDOUT
            ) as engine,
        ):
            try:
                yield
            finally:
                engine.kill()
        for each in Path(self.environment["PULUMI_BACKEND_URL"].removeprefix("file://")).rglob("*.attrs"):
            # The failure state-attributes-empty: the engine may have been writing the file.
            if not each.stat().st_size:
                each.unlink()

    def outputs(self, stack: str) -> dict[str, Any]:
        """The stack's outputs."""
        found: dict[str, Any] = json.loads(self.run("pulumi", "stack", "output", "--json", "--stack", stack))
        return found

"""A deployed stack, as the Pulumi CLI tells it: its outputs and its plain configuration."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from acr_transfer.errors import StackError
from acr_transfer.model.errors import ModelError
from acr_transfer.model.resource_names import CONTAINER_URL

if TYPE_CHECKING:
    from acr_transfer.model.documents.handover import Handover

_SECRETS = ("azure-native:clientSecret",)
"""Secret configuration that this program needs as Pulumi does: to sign in."""

_PATIENCE = 120.0
"""Seconds that the CLI gets for one answer; a backend in the cloud can be slow."""


@dataclass(frozen=True, kw_only=True)
class Stack:
    """What one side deployed."""

    name: str
    outputs: Mapping[str, Any]
    config: Mapping[str, str] = field(default_factory=dict)
    """Plain values by full key (`azure-native:environment`); secrets are left out."""

    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    """The secret values that this program needs itself, by full key."""

    def output(self, key: str) -> str:
        """A text output, or a `StackError` that says how to get it."""
        value = self.outputs.get(key)
        if not isinstance(value, str) or not value:
            raise StackError(
                f"stack {self.name!r} has no output {key!r}: is it a stack of acr-transfer? "
                f"It has {', '.join(sorted(self.outputs))}. "
                f"Run `pulumi up --stack {self.name}` with the current program."
            )
        return value

    def pipeline_id(self, side: str) -> str:
        """The resource ID of the pipeline of a side, `source` or `target`."""
        return self.output("exportPipelineId" if side == "source" else "importPipelineId")

    def container_url(self) -> str:
        """The https URL of the container that blobs leave or arrive in, without a query."""
        url = self.output("containerUrl")
        # The value is not shown: whatever was put there by mistake may be a signed URL.
        if not CONTAINER_URL.accepts(url):
            raise StackError(
                f"output containerUrl of stack {self.name!r} is not a plain https URL of a container"
            )
        return url

    def handover(self) -> Handover:
        """The source stack's hand-over. Raises one `StackError` with every fault."""
        from acr_transfer.model.documents.handover import Handover

        if self.outputs.get("handover") is None:
            self.output("handover")
        try:
            return Handover.of_output(self.outputs, self.name)
        except ModelError as error:
            raise StackError(str(error)) from None

    def setting(self, key: str, *variables: str) -> str:
        """A configured value, else the first environment variable that is set, else an empty text."""
        return self.config.get(key) or next(filter(None, map(os.environ.get, variables)), "")

    def secret(self, key: str, *variables: str) -> str:
        """The same of a value that may be configured as a secret; it lives in memory alone."""
        return self.secrets.get(key) or self.setting(key, *variables)


def read_stack(name: str, folder: Path, *, deployed: bool = True) -> Stack:
    """Ask the Pulumi CLI in `folder` (or above it) for a stack; `deployed`: it must have outputs.

    Raises `StackError` for: no CLI on PATH, no such stack, what else the CLI refuses, no outputs.
    https://www.pulumi.com/docs/iac/cli/commands/pulumi_stack_output/
    """
    with ThreadPoolExecutor() as both:
        # Each answer takes the CLI about a second.
        asked = [both.submit(_ask, name, folder, *command) for command in (("stack", "output"), ("config",))]
    outputs, config = (answer.result() for answer in asked)
    if deployed and not outputs:
        raise StackError(
            f"stack {name!r} has no outputs: it was never deployed. Run `pulumi up --stack {name}` first."
        )
    plain = {key: str(entry["value"]) for key, entry in config.items() if "value" in entry}
    secrets = {key: _ask_secret(name, folder, key) for key in _SECRETS if config.get(key, {}).get("secret")}
    return Stack(name=name, outputs=outputs, config=plain, secrets=secrets)


def _ask(stack: str, folder: Path, *command: str) -> dict[str, Any]:
    return dict(json.loads(_said(stack, folder, *command, "--json") or "{}"))


def _ask_secret(stack: str, folder: Path, key: str) -> str:
    return _said(stack, folder, "config", "get", key).strip()


def _said(stack: str, folder: Path, *command: str) -> str:
    pulumi = shutil.which("pulumi")
    if pulumi is None:
        raise StackError(
            "`pulumi` is not on PATH; it tells what the stacks deployed. See https://www.pulumi.com/docs/install/"
        )
    call = [pulumi, *command, "--stack", stack, "--non-interactive", "--color", "never"]
    quiet = {**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "true"}
    try:
        done = subprocess.run(
            call,
            check=False,
            cwd=folder,
            env=quiet,
            capture_output=True,
            text=True,
            timeout=_PATIENCE,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired:
        raise StackError(
            f"`pulumi {' '.join(command)} --stack {stack}` gave no answer in {_PATIENCE:.0f} s"
        ) from None
    except OSError as error:
        raise StackError(f"cannot run `pulumi` in {folder}: {error.strerror}") from None
    if done.returncode:
        raise StackError(_refusal(stack, done.stderr))
    return done.stdout


def _refusal(stack: str, said: str) -> str:
    first = next((line for line in said.splitlines() if line.startswith("error:")), "error: no reason given")
    reason = first.removeprefix("error:").strip()
    if reason.startswith("no stack named"):
        return (
            f"there is no stack {stack!r}. Run `pulumi stack init {stack}` and `pulumi up`, or name another."
        )
    return f"pulumi cannot read stack {stack!r}: {reason}"

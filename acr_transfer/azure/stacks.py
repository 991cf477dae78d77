"""A deployed Pulumi stack: its outputs and its configuration, read with the Pulumi CLI."""

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from acr_transfer.azure.provider_settings import CLIENT_SECRET, ProviderSettings
from acr_transfer.errors import StackError
from acr_transfer.model.errors import ModelError
from acr_transfer.model.failures.commands import NO_SUCH_STACK, NOT_DEPLOYED, OTHER_STACKS, STATE_EMPTY
from acr_transfer.model.json_text import JsonError, parse_json
from acr_transfer.model.resource_names import CONTAINER_URL
from acr_transfer.model.visible_text import visible_line

if TYPE_CHECKING:
    from acr_transfer.model.documents.handover import Handover

_TIMEOUT = 120.0
"""Seconds for one call of the CLI; a backend in the cloud can be slow."""


@dataclass(frozen=True, kw_only=True)
class Stack:
    """A stack of one side."""

    name: str
    outputs: Mapping[str, Any]
    config: Mapping[str, str] = field(default_factory=dict)
    """Plain configuration by full key (`azure-native:environment`), without secrets."""

    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    """The secret configuration that the command needs, by full key."""

    folder: Path = field(default_factory=Path)
    """The folder of its project, or one below it."""

    @property
    def folders(self) -> list[Path]:
        """The folder and those above it: the Pulumi CLI looks for the project in each of them."""
        here = self.folder.absolute()
        return [here, *here.parents]

    @property
    def keys(self) -> dict[str, str]:
        """The configuration of acr-transfer, by key."""
        namespace = "acr-transfer:"
        return {
            key.removeprefix(namespace): value
            for key, value in self.config.items()
            if key.startswith(namespace)
        }

    @property
    def provider(self) -> ProviderSettings:
        """The settings of the azure-native provider."""
        return ProviderSettings.of({**self.config, **self.secrets})

    def output(self, key: str) -> str:
        """Return a text output. Raises `StackError` if the stack does not have it."""
        value = self.outputs.get(key)
        if not isinstance(value, str) or not value:
            raise StackError(
                f"stack {self.name!r} has no output {key!r}: is it a stack of acr-transfer? "
                f"It has {visible_line(', '.join(sorted(self.outputs)))}. "
                "Deploy it with the current program."
            ).led_out(NOT_DEPLOYED, stack=self.name)
        return value

    def pipeline_id(self, side: str) -> str:
        """The resource ID of the pipeline; `side` is `source` or `target`."""
        return self.output("exportPipelineId" if side == "source" else "importPipelineId")

    def container_url(self) -> str:
        """The https URL of the stack's container, without a query."""
        return plain_container_url(self.output("containerUrl"), f"output containerUrl of stack {self.name!r}")

    def handover(self) -> "Handover":
        """The source stack's hand-over. Raises one `StackError` with every fault."""
        from acr_transfer.model.documents.handover import Handover

        if self.outputs.get("handover") is None:
            self.output("handover")
        try:
            return Handover.of_output(self.outputs, self.name)
        except ModelError as error:
            raise StackError(str(error)) from None


def plain_container_url(url: str, name: str) -> str:
    """Return the URL. Raises `StackError` unless it is the https URL of a container without credentials."""
    # The message does not show the URL, which may hold a SAS token by mistake.
    if not CONTAINER_URL.accepts(url):
        raise StackError(f"{name} is not a plain https URL of a container")
    return url


def read_stack(name: str, folder: Path, *, deployed: bool = True) -> Stack:
    """Read a stack of the project in `folder` or above; with `deployed`, it must have outputs.

    Raises `StackError` if the CLI is not on PATH or fails, or if the stack does not exist or has no outputs.
    https://www.pulumi.com/docs/iac/cli/commands/pulumi_stack_output/
    """
    # Each call of the CLI takes about a second.
    with ThreadPoolExecutor() as both:
        commands = (("stack", "output", "--json"), ("config", "--json"))
        outputs, config = both.map(lambda command: pulumi_json(name, folder, *command), commands)
    if deployed and not outputs:
        raise StackError(f"stack {name!r} has no outputs: it was never deployed.").led_out(
            NOT_DEPLOYED, stack=name
        )
    plain = {key: str(entry["value"]) for key, entry in config.items() if "value" in entry}
    secrets = {}
    if config.get(CLIENT_SECRET, {}).get("secret"):
        secrets[CLIENT_SECRET] = _call(name, folder, "config", "get", CLIENT_SECRET).strip()
    return Stack(name=name, outputs=outputs, config=plain, secrets=secrets, folder=folder)


def pulumi_json(stack: str, folder: Path, *command: str) -> dict[str, Any]:
    """Return the JSON object that a command of the Pulumi CLI prints about a stack. Raises `StackError`."""
    return _object(_call(stack, folder, *command) or "{}", stack)


def _object(text: str, stack: str) -> dict[str, Any]:
    try:
        found = parse_json(text)
    except JsonError as error:
        raise StackError(f"the output of `pulumi` for stack {stack!r} {error}") from None
    return found if isinstance(found, dict) else {}


def _call(stack: str, folder: Path, *command: str) -> str:
    done = _executed(folder, *command, "--stack", stack)
    if done.returncode:
        lines = (line for line in done.stderr.splitlines() if line.startswith("error:"))
        reason = next(lines, "no reason given").removeprefix("error:").strip()
        if reason.startswith("no stack named"):
            raise missing_stack(stack, folder)
        raise failed_with(f"pulumi cannot read stack {stack!r}: {reason}")
    return done.stdout


def failed_with(reason: str) -> StackError:
    """Return an error of Pulumi, with the way out of a state that was being written when Pulumi was killed.

    https://www.pulumi.com/docs/iac/concepts/state-and-backends/#local-filesystem
    """
    if not re.search(STATE_EMPTY.pattern, reason):
        return StackError(reason)
    backend = os.environ.get("PULUMI_BACKEND_URL", "")
    folder = backend.removeprefix("file://") if backend.startswith("file:///") else ""
    return StackError(f"{reason}\n{STATE_EMPTY.why}").led_out(STATE_EMPTY, backend=folder)


def missing_stack(name: str, folder: Path) -> StackError:
    """Return the error for a stack that does not exist, which may have been renamed."""
    listed = _executed(folder, "stack", "ls", "--json")
    try:
        found = parse_json(listed.stdout) if not listed.returncode else []
    except JsonError:
        found = []
    names = ", ".join(sorted(str(each.get("name")) for each in found if isinstance(each, dict)))
    if not names:
        return StackError(f"stack {name!r} does not exist.").led_out(NO_SUCH_STACK, stack=name)
    return StackError(
        f"stack {name!r} does not exist. The project has: {visible_line(names)}. {OTHER_STACKS.why}"
    ).led_out(OTHER_STACKS, stack=name)


def _executed(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    pulumi = shutil.which("pulumi")
    if pulumi is None:
        raise StackError(
            "`pulumi` is not on PATH; the command needs it to read stacks. "
            "See https://www.pulumi.com/docs/install/"
        )
    try:
        return subprocess.run(
            [pulumi, *arguments, "--non-interactive", "--color", "never"],
            check=False,
            cwd=folder,
            env={**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "true"},
            capture_output=True,
            text=True,
            timeout=_TIMEOUT,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired:
        raise StackError(f"`pulumi {' '.join(arguments)}` did not finish in {_TIMEOUT:.0f} s") from None
    except OSError as error:
        raise StackError(f"cannot run `pulumi` in {folder}: {error.strerror}") from None

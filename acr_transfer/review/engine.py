"""Asks Pulumi for a preview with the pack, or for the pack's word on an exported state."""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PACK = Path(__file__).resolve().parents[2] / "policy"
"""The folder that `--policy-pack` names."""


class ReviewError(Exception):
    """There is nothing to review; the message says why and what to do."""


@dataclass(frozen=True)
class Heard:
    """What the engine has said."""

    events: Sequence[Mapping[str, Any]]
    """Its events, see https://github.com/pulumi/pulumi/blob/master/sdk/go/common/apitype/events.go."""

    errors: str
    """What stood on its standard error."""

    succeeded: bool
    resources: int
    """How many resources it looked at."""


def preview(stack: str, folder: Path, config: Path) -> Heard:
    """Preview a stack of the project in a folder."""
    events, ended = _run("preview", ["--stack", stack], folder, config)
    looked = {
        each["policyAnalyzeSummaryEvent"]["resourceUrn"]
        for each in events
        if "policyAnalyzeSummaryEvent" in each
    }
    return Heard(events, ended.stderr, ended.returncode == 0, len(looked))


def analysis(state: Path, config: Path) -> Heard:
    """Look at a state that `pulumi stack export` has written; secrets in it stay unread."""
    events, ended = _run("policy analyze", ["--file", str(state.resolve())], Path(), config)
    return Heard(events, ended.stderr, ended.returncode == 0, _count(state))


def _count(state: Path) -> int:
    """Of an analysis the engine does not say so."""
    try:
        deployment = json.loads(state.read_text())["deployment"]
        return len(deployment.get("resources", []))
    except (OSError, ValueError, KeyError, TypeError):
        return 0


def _run(
    command: str, about: list[str], folder: Path, config: Path
) -> tuple[list[Mapping[str, Any]], subprocess.CompletedProcess[str]]:
    """Events come over a pipe: a file of them would hold all properties that nobody marked as secret."""
    if not shutil.which("pulumi"):
        raise ReviewError(
            'Pulumi is not on PATH. Install it, or in the sandbox: eval "$(.venv/bin/python -m sandbox env)"'
        )
    pack = ["--policy-pack", str(PACK), "--policy-pack-config", str(config.resolve())]
    ended = subprocess.run(
        ["pulumi", *command.split(), *about, *pack, "--json", "--color", "never", "--non-interactive"],
        cwd=folder,
        env={**os.environ, "PULUMI_ENABLE_STREAMING_JSON_PREVIEW": "true"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    return [json.loads(line) for line in ended.stdout.splitlines() if line.startswith("{")], ended

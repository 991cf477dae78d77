"""Runs Pulumi with the policy pack and collects the events of the engine."""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from acr_transfer.file_reader import STATE_BYTES, read_text
from acr_transfer.model.json_text import JsonError, parse_json
from acr_transfer.review.pack import ReviewError

_EXPORT = "export it again: pulumi stack export --file <file>"


@dataclass(frozen=True)
class EngineOutput:
    """The output of one preview or analysis."""

    events: Sequence[Mapping[str, Any]]
    """https://github.com/pulumi/pulumi/blob/master/sdk/go/common/apitype/events.go"""

    stderr: str
    succeeded: bool
    resources: int
    """The number of resources that the pack analyzed."""

    def of_kind(self, kind: str) -> list[Mapping[str, Any]]:
        """Return the events of one kind, such as `policyEvent`."""
        return [event[kind] for event in self.events if kind in event]


def preview(stack: str, project: Path, pack: Path, config: Path) -> EngineOutput:
    """Preview a stack of the project in a folder. Raises `ReviewError` without Pulumi."""
    events, ended = _run(["preview", "--stack", stack], project, pack, config)
    kind = "policyAnalyzeSummaryEvent"
    analyzed = {event[kind]["resourceUrn"] for event in events if kind in event}
    return EngineOutput(events, ended.stderr, ended.returncode == 0, len(analyzed))


def analyze(state: Path, pack: Path, config: Path) -> EngineOutput:
    """Analyze a state that `pulumi stack export` wrote; its secrets stay encrypted."""
    resources = _count(read_text(state, "exported state", _EXPORT, limit=STATE_BYTES))
    events, ended = _run(["policy", "analyze", "--file", str(state.resolve())], Path(), pack, config)
    return EngineOutput(events, ended.stderr, ended.returncode == 0, resources)


def _count(state: str) -> int:
    """The number of resources, which the events of an analysis do not contain; 0 if it is not a state."""
    try:
        return len(parse_json(state)["deployment"].get("resources", []))
    except (JsonError, KeyError, TypeError, AttributeError):
        return 0


def _run(
    command: list[str], folder: Path, pack: Path, config: Path
) -> tuple[list[Mapping[str, Any]], subprocess.CompletedProcess[str]]:
    """Read the events from a pipe: a file would hold every property that is not marked as secret."""
    if not shutil.which("pulumi"):
        raise ReviewError(
            "Pulumi is not on PATH.\n"
            'Fix: install it, or use the sandbox\'s: eval "$(.venv/bin/python -m sandbox env)"'
        )
    options = ["--policy-pack", str(pack), "--policy-pack-config", str(config.resolve())]
    ended = subprocess.run(
        ["pulumi", *command, *options, "--json", "--color", "never", "--non-interactive"],
        cwd=folder,
        env={**os.environ, "PULUMI_ENABLE_STREAMING_JSON_PREVIEW": "true"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    return [_event(line) for line in ended.stdout.splitlines() if line.startswith("{")], ended


def _event(line: str) -> Mapping[str, Any]:
    try:
        found: Mapping[str, Any] = parse_json(line)
    except JsonError as error:
        raise ReviewError(f"An event of `pulumi` {error}.\nFix: use the version in README.md.") from None
    return found

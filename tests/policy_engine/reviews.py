"""Runs `acr-transfer review` as a user does, and reads its output."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

POLICY = Path(__file__).resolve().parents[2] / "policy"


@dataclass(frozen=True)
class Reviewed:
    """The result of one review."""

    code: int
    text: str
    """Both streams."""

    report: dict[str, Any]
    sarif: dict[str, Any]

    @property
    def violations(self) -> list[dict[str, Any]]:
        """The violations of all stacks."""
        return [each for stack in self.report["stacks"] for each in stack["violations"]]

    def rules(self, level: str = "mandatory") -> set[str]:
        """The rules with violations of this level."""
        return {each["rule"] for each in self.violations if each["level"] == level}

    @property
    def everything(self) -> str:
        """The whole output, to search for leaks."""
        return self.text + json.dumps(self.report) + json.dumps(self.sarif)


def strict(folder: Path, **more: Any) -> Path:
    """Write the profile `strict` with emulators allowed and further settings; return the file."""
    profile, sandbox = (
        json.loads((POLICY / f"profiles/{name}.json").read_text()) for name in ("strict", "sandbox")
    )
    emulator = {rule: known for rule, known in sandbox.items() if known == {"allowEmulator": True}}
    file = folder / "strict.json"
    file.write_text(json.dumps(profile | emulator | more))
    return file


def review(
    folder: Path, environment: dict[str, str], *line: str, profile: str = "strict", policy: Path = POLICY
) -> Reviewed:
    """Run `acr-transfer review` in a project's folder with the policy pack in `policy`."""
    report, sarif = folder / "review.json", folder / "review.sarif"
    for each in (report, sarif):
        each.unlink(missing_ok=True)
    files = ("--report", str(report), "--sarif", str(sarif), "--policy-pack", str(policy))
    ended = subprocess.run(
        [sys.executable, "-m", "acr_transfer", "review", "--profile", profile, *files, *line],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=False,
    )
    assert report.exists(), ended.stdout
    written = [json.loads(each.read_text()) for each in (report, sarif)]
    return Reviewed(ended.returncode, ended.stdout, *written)

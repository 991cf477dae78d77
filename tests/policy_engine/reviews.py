"""The review as a user runs it, and what it wrote."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REVIEW = Path(__file__).resolve().parents[2] / "policy/review.py"


@dataclass(frozen=True)
class Reviewed:
    """How one review ended."""

    code: int
    said: str
    """Both streams."""

    report: dict[str, Any]
    sarif: dict[str, Any]

    @property
    def violations(self) -> list[dict[str, Any]]:
        """Those of all stacks."""
        return [each for stack in self.report["stacks"] for each in stack["violations"]]

    def rules(self, level: str = "mandatory") -> set[str]:
        """The rules with a violation of this level."""
        return {each["rule"] for each in self.violations if each["level"] == level}

    @property
    def everything(self) -> str:
        """All that went out, for the search for leaks."""
        return self.said + json.dumps(self.report) + json.dumps(self.sarif)


def review(folder: Path, environment: dict[str, str], *line: str, profile: str = "strict") -> Reviewed:
    """Run `policy/review.py` in a project's folder."""
    report, sarif = folder / "review.json", folder / "review.sarif"
    for each in (report, sarif):
        each.unlink(missing_ok=True)
    files = ("--json", str(report), "--sarif", str(sarif))
    ended = subprocess.run(
        [sys.executable, str(REVIEW), "--profile", profile, *files, *line],
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

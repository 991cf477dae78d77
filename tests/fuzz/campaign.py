"""The cases of one fuzzer: what was found, and the line with its figures."""

from __future__ import annotations

import dataclasses
import json
import os
from dataclasses import dataclass, field
from pathlib import Path

from tests.fuzz.limits import Finding, Outcome


@dataclass
class Campaign:
    """The cases of one fuzzer, such as "documents"."""

    name: str
    cases: int = 0
    seconds: float = 0
    """The longest case."""

    peak: int = 0
    """The most memory of one process, in bytes."""

    counts: dict[str, int] = field(default_factory=dict)
    found: list[str] = field(default_factory=list)
    """One line for each broken promise: assert at the end of a test that there is none."""

    def record(self, case: str, outcome: Outcome, *findings: Finding) -> None:
        """Add a case. `findings` are promises that only the caller can check, such as a write outside."""
        self.cases += 1
        self.seconds = max(self.seconds, outcome.seconds)
        self.peak = max(self.peak, outcome.peak)
        for finding in (*outcome.findings(), *findings):
            self.counts[finding] = self.counts.get(finding, 0) + 1
            self.found.append(f"{finding}: {case}: exit code {outcome.code}: {outcome.output[-600:]}")

    def line(self) -> str:
        """The summary."""
        broken = ", ".join(f"{count} {finding}" for finding, count in self.counts.items())
        used = f"longest {self.seconds:.1f} s, peak {self.peak / 1024**2:.0f} MiB"
        return f"fuzz: {self.name}: {self.cases} cases, {used}, {broken or 'nothing found'}"

    def save(self) -> None:
        """Write the figures for the table of `make soak` into the folder that FUZZ_RESULTS names."""
        if folder := os.environ.get("FUZZ_RESULTS"):
            Path(folder, f"{self.name}.json").write_text(json.dumps(dataclasses.asdict(self), indent=1))

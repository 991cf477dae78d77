"""The policy pack reviews a program that does not use the components."""

from __future__ import annotations

import re
from pathlib import Path

from tests.examples.conftest import Copy
from tests.policy_engine.reviews import POLICY, review

README = Path(__file__).resolve().parents[2] / "examples/plain-pipelines/README.md"


def test_the_tutorials_pipeline_violates_exactly_the_rules_in_the_readme(copied: Copy) -> None:
    example = copied("plain-pipelines/before")
    example.run("pulumi", "stack", "init", "plain-before")
    found = review(example.folder, example.environment, "plain-before", profile="sandbox")
    assert found.code == 1, found.text
    listed = set(re.findall(r"^\| `([a-z-]+)` \|", README.read_text(), re.MULTILINE))
    assert found.rules("mandatory") == listed


def test_the_corrected_pipeline_passes_before_and_after_its_deployment(copied: Copy) -> None:
    example = copied("plain-pipelines/after")
    example.run("pulumi", "stack", "init", "plain-after")
    first = review(example.folder, example.environment, "plain-after", profile="sandbox")
    assert (first.code, first.violations) == (0, []), first.text
    config = ("--policy-pack-config", str(POLICY / "profiles/sandbox.json"))
    example.up("plain-after", "--policy-pack", str(POLICY), *config)
    second = review(example.folder, example.environment, "plain-after", profile="sandbox")
    assert (second.code, second.violations) == (0, []), second.text
    example.destroy("plain-after")

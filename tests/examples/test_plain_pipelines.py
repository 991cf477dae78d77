"""A program that is not ours gets the same review."""

from __future__ import annotations

import re
from pathlib import Path

from tests.examples.conftest import Copy
from tests.policy_engine.reviews import POLICY, review

README = Path(__file__).resolve().parents[2] / "examples/plain-pipelines/README.md"


def test_the_tutorials_pipeline_is_forbidden_for_what_the_readme_says(copied: Copy) -> None:
    example = copied("plain-pipelines/before")
    example.run("pulumi", "stack", "init", "plain-before")
    found = review(example.folder, example.environment, "plain-before", profile="sandbox")
    assert found.code == 1, found.said
    told = set(re.findall(r"^\| `([a-z-]+)` \|", README.read_text(), re.MULTILINE))
    assert found.rules("mandatory") == told


def test_the_mended_one_passes_before_and_after_it_is_deployed(copied: Copy) -> None:
    example = copied("plain-pipelines/after")
    example.run("pulumi", "stack", "init", "plain-after")
    first = review(example.folder, example.environment, "plain-after", profile="sandbox")
    assert (first.code, first.violations) == (0, []), first.said
    config = ("--policy-pack-config", str(POLICY / "profiles/sandbox.json"))
    example.up("plain-after", "--policy-pack", str(POLICY), *config)
    second = review(example.folder, example.environment, "plain-after", profile="sandbox")
    assert (second.code, second.violations) == (0, []), second.said
    example.destroy("plain-after")

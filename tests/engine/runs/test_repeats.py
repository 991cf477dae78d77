"""A failed run is done again by the next `pulumi up`, whatever Azure does with a repeated request."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from sandbox.cloud.paths import Paths
from tests.engine.projects import Project
from tests.sandbox.faults.control import choice, fault
from tests.sandbox.transfer.side import SandboxSide, until

TAGS = [str(number) for number in range(109)]
"""With one more, three runs."""

# The lives of tests/engine/test_lives.py meet the other pairs.
CHOICES = [
    {"failed-run": "failed", "same-failed-run": "leave"},
    {"failed-run": "succeeded", "same-failed-run": "leave"},
]
STEPS = r"\d+ (to )?(create|update|delete|replace)"


@pytest.fixture(scope="module")
def images(paths: Paths) -> SandboxSide:
    """A repository with every tag."""
    side = SandboxSide(paths, "source", "repeats")
    image = side.image("repeats/app", TAGS[0])
    for tag in TAGS:
        side.push("repeats/app", tag, image)
    return side


@pytest.fixture(params=CHOICES, ids=lambda choices: "-".join(choices.values()))
def chosen(request: pytest.FixtureRequest, paths: Paths) -> Iterator[dict[str, str]]:
    """The sandbox with these answers."""
    with ExitStack() as choices:
        for name, value in request.param.items():
            choices.enter_context(choice(paths, "source", name, value))
        yield request.param


@pytest.fixture
def project(
    chosen: dict[str, str], tmp_path: Path, checkout: Path, sandbox_environment: dict[str, str]
) -> Iterator[Project]:
    """A stack of three runs, one of which has an artifact that does not exist."""
    made = Project.made(tmp_path, checkout, sandbox_environment)
    made.source(_stack(chosen), [f"repeats/app:{tag}" for tag in [*TAGS, _missing(chosen)]])
    yield made
    made.run("pulumi", "destroy", "--stack", _stack(chosen), "--yes", "--skip-preview", "--suppress-progress")


def _missing(chosen: dict[str, str]) -> str:
    return "-".join(chosen.values())


def _stack(chosen: dict[str, str]) -> str:
    return f"repeats-{chosen['failed-run']}"


def started(project: Project, stack: str) -> dict[str, str]:
    """The start of each run, by its name."""
    return {run["name"]: run["started"] for run in project.outputs(stack)["runs"]}


def killed(project: Project, stack: str, running: Callable[[], bool]) -> None:
    """Run `pulumi up`, and kill the engine once the run is in progress."""
    with project.killed(stack):
        until(running, bool)
    project.run("pulumi", "cancel", "--yes", "--stack", stack)


def test_a_failed_run_is_repeated_until_it_succeeds_and_no_other_run_ever_is(
    project: Project, chosen: dict[str, str], images: SandboxSide, paths: Paths
) -> None:
    stack = _stack(chosen)
    said = project.up(stack, "--continue-on-error", good=False)
    assert "The next deployment starts failed runs again" in said
    runs = images.runs_of(stack.replace("-", ""))
    assert sorted(_status(run) for run in runs) == ["Failed", "Succeeded", "Succeeded"]
    assert f"Artifacts not found in registry 'contososource': 'repeats/app:{_missing(chosen)}'" in said
    said = project.up(stack, good=False)  # not fixed yet
    assert f"'repeats/app:{_missing(chosen)}'" in said
    (failed,) = (run["name"] for run in runs if _status(run) == "Failed")
    assert images.state(failed)["response"]["startTime"] > _started(runs, failed)

    images.push("repeats/app", _missing(chosen), images.manifest("repeats/app", TAGS[0]))
    with fault(paths, "source", "registry", delay=1.0, times=5):
        killed(project, stack, lambda: images.state(failed)["response"]["status"] == "Running")
        images.ended(failed)
    once = images.state(failed)["response"]["startTime"]
    project.up(stack)
    after = started(project, stack)
    assert after == {run["name"]: _started(runs, run["name"]) for run in runs} | {failed: once}
    preview = project.run("pulumi", "preview", "--stack", stack, "--suppress-progress", "--color", "never")
    assert not re.search(STEPS, preview), preview
    assert not re.search(STEPS, project.up(stack))
    assert started(project, stack) == after


def _status(run: dict[str, Any]) -> str:
    return str(run["properties"]["response"]["status"])


def _started(runs: list[dict[str, Any]], name: str) -> str:
    return next(str(run["properties"]["response"]["startTime"]) for run in runs if run["name"] == name)

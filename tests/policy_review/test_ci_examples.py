"""The example jobs for reviews of pull requests run what is there."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from acr_transfer.review.command import _parser

ROOT = Path(__file__).resolve().parents[2]
JOBS = sorted((ROOT / "examples/review-ci").glob("*.yml"))
INSTALLED = {"pip", "python"}
"""What a new virtual environment has."""

BUILTINS = {"export"}


def scripts(found: Any) -> Iterator[str]:
    """Every script of a job, wherever it stands."""
    if isinstance(found, dict):
        for key, value in found.items():
            if key in ("run", "script", "inlineScript"):
                yield value
            else:
                yield from scripts(value)
    elif isinstance(found, list):
        for each in found:
            yield from scripts(each)


def commands(job: Path) -> list[list[str]]:
    """Every command of every script, with what CI puts into it replaced by a word."""
    lines = [line for script in scripts(yaml.safe_load(job.read_text())) for line in script.splitlines()]
    return [shlex.split(re.sub(r"\$\([^)]*\)|\$\w+", "word", line)) for line in lines if line.strip()]


def exists(program: str) -> bool:
    folder, _, name = program.rpartition("/")
    return name in INSTALLED if folder == ".venv/bin" else bool(shutil.which(program)) or program in BUILTINS


def test_there_is_a_job_for_github_and_one_for_azure() -> None:
    assert [job.name for job in JOBS] == ["azure-pipelines.yml", "github-actions.yml"]


@pytest.mark.parametrize("job", JOBS, ids=lambda job: job.stem)
def test_every_command_of_a_job_exists(job: Path) -> None:
    found = commands(job)
    assert len(found) > 2
    assert [line[0] for line in found if not exists(line[0])] == []


@pytest.mark.parametrize("job", JOBS, ids=lambda job: job.stem)
def test_a_job_reviews_as_the_command_allows_and_shows_the_sarif(job: Path) -> None:
    (line,) = [each for each in commands(job) if "policy/review.py" in each]
    assert (ROOT / line[1]).is_file()
    options = _parser().parse_args(line[2:])
    assert options.stacks
    assert options.profile == "baseline"
    assert options.sarif.suffix or options.sarif.name == "word"
    assert ("upload-sarif" in job.read_text()) or ("CodeAnalysisLogs" in job.read_text())


@pytest.mark.parametrize("job", JOBS, ids=lambda job: job.stem)
def test_a_job_installs_the_files_that_are_there(job: Path) -> None:
    for line in commands(job):
        if "--requirement" in line:
            assert (ROOT / line[line.index("--requirement") + 1]).is_file()
            break
    else:
        pytest.fail("it installs nothing")

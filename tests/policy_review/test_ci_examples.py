"""The example jobs for reviews of pull requests use existing commands, options and files."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from acr_transfer.cli.commands import commands as command_modules
from acr_transfer.cli.parser import parser

ROOT = Path(__file__).resolve().parents[2]
JOBS = sorted((ROOT / "examples/review-ci").glob("*.yml"))
INSTALLED = {"acr-transfer", "pip", "python"}
"""The programs of the virtual environment."""

BUILTINS = {"export"}


def scripts(found: Any) -> Iterator[str]:
    """Every script of a job, at any depth."""
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
    """Every command of every script, with a word in place of each variable of the CI."""
    lines = [line for script in scripts(yaml.safe_load(job.read_text())) for line in script.splitlines()]
    return [shlex.split(re.sub(r"\$\([^)]*\)|\$\w+", "word", line)) for line in lines if line.strip()]


def exists(program: str) -> bool:
    folder, _, name = program.rpartition("/")
    return name in INSTALLED if folder == ".venv/bin" else bool(shutil.which(program)) or program in BUILTINS


def test_github_and_azure_have_one_job_each() -> None:
    assert [job.name for job in JOBS] == ["azure-pipelines.yml", "github-actions.yml"]


@pytest.mark.parametrize("job", JOBS, ids=lambda job: job.stem)
def test_every_command_of_a_job_exists(job: Path) -> None:
    found = commands(job)
    assert len(found) > 2
    assert [line[0] for line in found if not exists(line[0])] == []


@pytest.mark.parametrize("job", JOBS, ids=lambda job: job.stem)
def test_a_job_reviews_with_valid_options_and_publishes_the_sarif(job: Path) -> None:
    (line,) = [each for each in commands(job) if "review" in each]
    options = parser(command_modules()).parse_args(line[1:])
    assert options.stacks
    assert options.profile == "baseline"
    assert options.sarif.suffix or options.sarif.name == "word"
    assert ("upload-sarif" in job.read_text()) or ("CodeAnalysisLogs" in job.read_text())


@pytest.mark.parametrize("job", JOBS, ids=lambda job: job.stem)
def test_a_job_installs_from_an_existing_requirements_file(job: Path) -> None:
    for line in commands(job):
        if "--requirement" in line:
            assert (ROOT / line[line.index("--requirement") + 1]).is_file()
            break
    else:
        pytest.fail("it installs nothing")

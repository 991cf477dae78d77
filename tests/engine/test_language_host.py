"""Pulumi's commands about a project work with the sandbox's language host."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.engine.projects import Project


@pytest.mark.parametrize("command", ["about", "install"])
def test_a_command_about_the_project_succeeds(
    command: str, tmp_path: Path, checkout: Path, sandbox_environment: dict[str, str]
) -> None:
    project = Project.made(tmp_path, checkout, sandbox_environment)
    assert "rpc error" not in project.run("pulumi", command)

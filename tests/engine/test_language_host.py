"""Pulumi works with the sandbox's language host and plugins without a warning."""

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


def test_a_deployment_shows_no_warning_and_leaves_the_home_folder_untouched(
    tmp_path: Path, checkout: Path, sandbox_environment: dict[str, str]
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (tmp_path / "project").mkdir()
    project = Project.made(tmp_path / "project", checkout, {**sandbox_environment, "HOME": str(home)})
    stack = project.source("quiet", ["shop/web:1.0.0"])
    assert "created" in project.up(stack)
    project.run("pulumi", "destroy", "--stack", stack, "--yes", "--skip-preview")
    assert "warning:" not in project.said
    assert not (home / ".pulumi").exists()

"""Without its trigger, a target stack imports what has arrived: once, and with the outcome as an output."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.engine.projects import Project


def test_a_stack_without_a_trigger_imports_every_blob_once(
    tmp_path_factory: pytest.TempPathFactory, checkout: Path, sandbox_environment: dict[str, str]
) -> None:
    project = Project.made(tmp_path_factory.mktemp("imports"), checkout, sandbox_environment)
    project.up(project.source("import-source", ["shop/web:1.0.0", "shop/api:1.0.0"]))
    stack = project.target("import-target", "import-source", sourceTriggerStatus="Disabled")
    assert "Nothing is imported yet" in project.up(stack)
    assert project.outputs(stack)["runs"] == []
    project.run("acr-transfer", "hop", "--source", "import-source", "--target", stack)
    assert "1 created" in project.up(stack)
    (run,) = project.outputs(stack)["runs"]
    (exported,) = project.outputs("import-source")["runs"]
    assert (run["status"], run["error"], run["blob"]) == ("Succeeded", "", exported["blob"])
    assert run["started"] <= run["finished"]
    assert not re.search(r"\d+ (created|updated|deleted|replaced)", project.up(stack))

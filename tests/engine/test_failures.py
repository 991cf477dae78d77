"""What a user reads when a deployment cannot work: each time one message that says what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.engine.projects import Project


@pytest.fixture(scope="module")
def project(
    tmp_path_factory: pytest.TempPathFactory, checkout: Path, sandbox_environment: dict[str, str]
) -> Project:
    return Project.made(tmp_path_factory.mktemp("failures"), checkout, sandbox_environment)


def test_all_faults_of_a_configuration_are_named_before_anything_is_made(project: Project) -> None:
    stack = project.source("faulty", ["shop/web:1.0.0", "shop/web@sha256:12"], pipeline="no-good")
    said = project.up(stack, good=False)
    assert "no-good" in said
    assert "sha256:12" in said
    assert "Traceback" not in said
    assert "StorageAccount" not in said


def test_a_tag_that_does_not_exist_fails_the_up_with_the_runs_own_message(project: Project) -> None:
    stack = project.source("unknown-tag", ["shop/web:9.9.9", "shop/web:1.0.0"])
    said = project.up(stack, good=False)
    told = said[said.index("PipelineRuns (transfer-run)") :].splitlines()[1:4]
    assert told[0].strip() == "error: Artifacts not found in registry 'contososource': 'shop/web:9.9.9'."
    assert "artifacts shop/web:1.0.0, shop/web:9.9.9" in told[1]
    assert "Mend the cause, then make the run again: pulumi up" in told[2]
    assert "Traceback" not in said
    project.run(
        "pulumi", "config", "set", "--path", "acr-transfer:artifacts[0]", "shop/web:1.1.0", "-s", stack
    )
    assert "1 created" in project.up(stack)


def test_a_target_without_a_deployed_source_makes_nothing(project: Project) -> None:
    stack = project.target("alone", "never-deployed")
    said = project.up(stack, good=False)
    assert "never-deployed" in said
    assert "StorageAccount" not in said
    assert "Traceback" not in said


def test_a_sandbox_that_does_not_answer_is_named_with_the_way_to_start_it(project: Project) -> None:
    stack = project.source("no-sandbox", ["shop/web:1.0.0"])
    dead = Project(project.folder, {**project.environment, "ARM_METADATA_HOSTNAME": "localhost:1"})
    said = dead.up(stack, good=False)
    assert "python -m sandbox up" in said
    assert "Traceback" not in said

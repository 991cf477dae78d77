"""The whole life of a pair of stacks under every answer to the open questions about Azure's behavior."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from sandbox.cloud.cloud import Cloud
from sandbox.cloud.definitions import SOURCE
from sandbox.cloud.paths import Paths
from sandbox.faults.open_questions import OPEN_QUESTIONS
from tests.engine import lives
from tests.engine.existing import Existing
from tests.engine.projects import EVERY_RUN, Project
from tests.sandbox.faults import control
from tests.transfer.pushing import push


@pytest.fixture(params=[*lives.lives()])
def life(request: pytest.FixtureRequest, paths: Paths) -> Iterator[str]:
    """The name of a life whose answers both clouds give."""
    with ExitStack() as stack:
        for name, value in lives.lives()[request.param].items():
            for cloud in ("source", "target"):
                stack.enter_context(control.choice(paths, cloud, name, value))
        yield request.param


def test_every_answer_is_met() -> None:
    assert lives.PAGE.read_text() == lives.page()
    met = {pair for answers in lives.short_set().values() for pair in answers.items()}
    assert met == {(name, value) for name, each in OPEN_QUESTIONS.items() for value in each.values}


def test_a_pair_of_stacks_lives(
    life: str, tmp_path: Path, checkout: Path, sandbox_environment: dict[str, str], paths: Paths
) -> None:
    _Life(life, Project.made(tmp_path, checkout, sandbox_environment), paths).live()


class _Life:
    """One pair of stacks from its first `up` to `destroy`."""

    def __init__(self, name: str, project: Project, paths: Paths) -> None:
        self.project, self.paths, self.answers = project, paths, lives.lives()[name]
        part = name.replace(" ", "-")
        self.source, self.target, self.repository = f"{part}-source", f"{part}-target", f"lives/{part}"
        self.on_request = name == "life 3"
        self.sides = ("--source", self.source, "--target", self.target)

    def live(self) -> None:
        self.fail_and_fix()
        self.transfer()
        self.repeat()
        self.lose_the_pipeline()
        self.switch_to_identities()
        self.switch_back()
        self.destroy()

    def fail_and_fix(self) -> None:
        """An export of a missing tag fails; after a push of the tag, `up` repeats it."""
        push(Cloud(SOURCE, self.paths), self.repository, "1")
        self.project.source(self.source, [f"{self.repository}:1", f"{self.repository}:2"])
        assert f"{self.repository}:2" in self.project.up(self.source, good=False)
        push(Cloud(SOURCE, self.paths), self.repository, "2")
        self.project.up(self.source)
        self.unchanged(self.source)

    def transfer(self) -> None:
        """The target imports the copied blob, by its trigger or by a run, and every digest is proved."""
        status = "Disabled" if self.on_request else "Enabled"
        self.project.target(self.target, self.source, sourceTriggerStatus=status)
        self.project.up(self.target)
        self.hop_and_prove()

    def hop_and_prove(self) -> None:
        self.project.run("acr-transfer", "hop", *self.sides)
        if self.on_request:
            self.project.up(self.target)
        said = self.project.run("acr-transfer", "prove", *self.sides, "--wait", "120")
        assert "2 of 2 artifacts proved" in said

    def repeat(self) -> None:
        """Another tag value runs each export once more."""
        before = self.started()
        self.set(self.source, forceUpdateTag="2")
        self.project.up(self.source)
        assert self.started() > before
        self.unchanged(self.source)

    def lose_the_pipeline(self) -> None:
        """Someone deletes the pipeline and its runs; a refresh and `up` create them again."""
        existing = Existing.of(self.paths, SOURCE, f"tests-{self.source}")
        existing.delete_pipeline(self.source.replace("-", ""))
        self.project.run("pulumi", "refresh", "--stack", self.source, "--yes", "--skip-preview")
        assert "created" in self.project.up(self.source)
        self.unchanged(self.source)

    def switch_to_identities(self) -> None:
        """Both sides change to managed identities, and an export and an import run with them."""
        for stack, tag in ((self.source, "3"), (self.target, "2")):
            self.set(stack, storageAccess="ManagedIdentity", sasExpiry="", forceUpdateTag=tag)
        self.project.up(self.source)
        self.project.run("acr-transfer", "hop", *self.sides)
        self.project.up(self.target)
        self.unchanged(self.source, self.target)

    def switch_back(self) -> None:
        """Both sides change to tokens; nothing runs again, and an export runs with its token."""
        before = self.started()
        for stack in (self.source, self.target):
            self.set(stack, storageAccess="SasToken", sasExpiry=self.project.token_ends)
            self.project.up(stack)
        assert self.started() == before
        self.unchanged(self.source, self.target)
        self.set(self.source, forceUpdateTag="4")
        self.project.up(self.source)
        assert self.started() > before

    def destroy(self) -> None:
        """The stacks end. Azure may refuse it until the runs of the trigger are removed."""
        if self.answers["delete-used"] == "conflict" and not self.on_request:
            destroy = ("pulumi", "destroy", "--stack", self.target, "--yes", "--skip-preview")
            assert "Pipeline runs name the pipeline" in self.project.run(*destroy, good=False)
            self.project.run("acr-transfer", "clean", *self.sides, *EVERY_RUN)
        for stack in (self.target, self.source):
            self.project.run("pulumi", "destroy", "--stack", stack, "--yes", "--skip-preview")
            assert not json.loads(self.project.run("pulumi", "stack", "export", "--stack", stack))[
                "deployment"
            ].get("resources")

    def started(self) -> str:
        (run,) = self.project.outputs(self.source)["runs"]
        assert run["status"] == "Succeeded"
        return str(run["started"])

    def set(self, stack: str, **values: str) -> None:
        """Set keys of a stack; an empty value removes one."""
        for key, value in values.items():
            change = ["set", f"acr-transfer:{key}", value] if value else ["rm", f"acr-transfer:{key}"]
            self.project.run("pulumi", "config", *change, "--stack", stack)

    def unchanged(self, *stacks: str) -> None:
        for stack in stacks:
            self.project.run("pulumi", "preview", "--stack", stack, "--expect-no-changes", "--diff")

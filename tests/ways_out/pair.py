"""A deployed pair of stacks, in which tests cause failures and follow the printed ways out."""

from __future__ import annotations

import functools
import json
import re
import shlex
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from acr_transfer.model.failures.table import FAILURES
from sandbox.cloud.cloud import ACCOUNTS, VAULTS
from sandbox.cloud.paths import CHECKOUT, Paths
from tests.engine.projects import Project
from tests.ways_out.azure import Azure
from tests.ways_out.printed import foreign, printed, shows

Test = TypeVar("Test", bound=Callable[..., None])
LED_OUT: dict[str, Callable[..., None]] = {}
"""The test of each failure, by the failure's name."""

LATER = "2097-01-01T00:00:00Z"
FEW = ["shop/web:1.0.0"]


def leads_out(*names: str) -> Callable[[Test], Test]:
    """Register a test as the state of failures, in which their ways out are executed."""

    def register(test: Test) -> Test:
        LED_OUT.update(dict.fromkeys(names, test))
        return test

    return register


def new_project(folder: Path, checkout: Path, environment: dict[str, str], python: str) -> Project:
    """A project whose shell has `az`, and in which Pulumi asks no question."""
    programs = folder / "programs"
    programs.mkdir()
    az = programs / "az"
    az.write_text(
        f'#!/bin/sh\nPYTHONPATH={shlex.quote(str(CHECKOUT))} exec {python} -m tests.ways_out.az "$@"\n'
    )
    az.chmod(0o700)
    own = {"PATH": f"{programs}:{environment['PATH']}", "PULUMI_SKIP_CONFIRMATIONS": "true"}
    own["AZURE_CONFIG_DIR"] = str(folder / "azure")
    return Project.made(folder, checkout, {**environment, **own})


@dataclass(eq=False)
class Pair:
    """A source stack and a target stack, whose target imports on demand."""

    project: Project
    paths: Paths
    name: str

    @property
    def source(self) -> str:
        """The source stack."""
        return f"{self.name}-source"

    @property
    def target(self) -> str:
        """The target stack."""
        return f"{self.name}-target"

    def stack(self, side: str) -> str:
        """The stack of a side."""
        return self.source if side == "source" else self.target

    @property
    def both(self) -> tuple[str, ...]:
        """The options that name both stacks."""
        return ("--source", self.source, "--target", self.target)

    def deploy(self, target: dict[str, Any] | None = None, **source: Any) -> Pair:
        """Deploy both stacks, copy the blob and import it."""
        self.project.source(self.source, FEW, **source)
        # Without the option that deletes a blob after its import, an import can be repeated.
        kept = {"sourceTriggerStatus": "Disabled", "options": ["OverwriteTags"]}
        self.project.target(self.target, self.source, **kept | (target or {}))
        self.project.up(self.source)
        self.project.up(self.target)
        self.project.run("acr-transfer", "hop", *self.both)
        self.project.up(self.target)
        return self

    @functools.cache  # noqa: B019 - a pair lives as long as its module
    def azure(self, side: str) -> Azure:
        """The cloud of a side."""
        return Azure(side, self.paths)

    def id(self, side: str, type: str) -> str:
        """The ID of the only resource of a type in the stack's group."""
        azure = self.azure(side)
        (found,) = azure.ids(type, azure.group(f"tests-{self.stack(side)}") + "/")
        return found

    def vault(self, side: str) -> str:
        """The ID of the stack's vault."""
        return self.id(side, VAULTS)

    def account(self, side: str) -> str:
        """The ID of the stack's storage account."""
        return self.id(side, ACCOUNTS)

    def set(self, side: str, key: str, value: str, *options: str) -> None:
        """Set a key of the configuration."""
        self.project.run("pulumi", "config", "set", *options, key, value, "--stack", self.stack(side))

    def demand_run(self, side: str) -> None:
        """Let the next `pulumi up` run the stack's runs again."""
        self.set(side, "acr-transfer:forceUpdateTag", uuid.uuid4().hex)

    def up(self, side: str, *, good: bool = True) -> str:
        """`pulumi up` of a side."""
        return self.project.up(self.stack(side), good=good)

    def doctor(self, side: str = "", *, code: int = 14) -> str:
        """`doctor` of one side or both, which must end with this code."""
        return self.command("doctor", *self.both, *_only(side), code=code)

    def status(self, side: str = "", *, code: int = 13) -> str:
        """`status` of one side or both, which must end with this code."""
        return self.command("status", *self.both, *_only(side), code=code)

    def command(self, *words: str, code: int) -> str:
        """A command of acr-transfer, which must end with this code."""
        done = self.project.attempt("acr-transfer", *words)
        assert done.returncode == code, done.stdout
        return done.stdout

    def follow(
        self,
        said: str,
        name: str,
        /,
        *,
        side: str,
        way: int | None = None,
        good: bool = True,
        **chosen: str,
    ) -> str:
        """Execute the commands that an output has for a failure, with only their placeholders filled.

        `way` is the number of the way in the table, by default the first one that is printed. `chosen` has
        the values of placeholders. The last command must succeed, unless another failure remains (`good`).
        Returns the output of the last command.
        """
        commands = next(found for number, found in self.check(said, name) if way in (None, number))
        return self.execute(commands, side, good=good, **chosen)

    def execute(self, commands: list[str], side: str, *, good: bool = True, **chosen: str) -> str:
        """Execute commands as they were printed, with values for their placeholders."""
        environment = {**self.project.environment, "WAYS_OUT_CLOUD": side}
        shell = replace(self.project, environment=environment)

        def filled(line: str) -> str:
            return re.sub(r"<([^>]+)>", lambda found: shlex.quote(chosen[found[1].replace(" ", "_")]), line)

        *before, last = map(filled, commands)
        for line in before:
            shell.run("sh", "-c", line)
        return shell.run("sh", "-c", last, good=good)

    def follow_all(self, said: str, side: str, remaining: dict[str, tuple[int, dict[str, str]]]) -> None:
        """Follow the ways out of several failures, in the order in which they appear.

        Each has the number of the way, and the values of its placeholders. The last one must end well.
        """
        left = dict(remaining)
        while left:
            shown = (each for each in left if left[each][0] in dict(printed(said, FAILURES[each])))
            name = next(shown, "")
            assert name, f"no way out of {[*left]} in:\n{said}"
            way, chosen = left.pop(name)
            said = self.follow(said, name, side=side, way=way, good=not left, **chosen)

    def check(self, said: str, name: str) -> list[tuple[int, list[str]]]:
        """The ways out of a failure in an output, which must show it, and no command of another table."""
        failure = FAILURES[name]
        # A message of a component or a command names the cause in its own words.
        assert shows(said, failure) or "why:" not in said, said
        assert foreign(said) == [], said
        ways = printed(said, failure)
        assert ways, f"no way out of {name} in:\n{said}"
        return ways

    def works(self, *sides: str) -> None:
        """Fail unless the last run of each side succeeded, and the stack previews unchanged."""
        for side in sides:
            runs = self.project.outputs(self.stack(side))["runs"]
            assert {run["status"] for run in runs} == {"Succeeded"}, runs
            self.project.run("pulumi", "preview", "--stack", self.stack(side), "--expect-no-changes")

    def findings(self, side: str) -> list[dict[str, Any]]:
        """What `doctor` finds on a side."""
        done = self.project.attempt("acr-transfer", "doctor", *self.both, "--only", side, "--json")
        report, _ = json.JSONDecoder().raw_decode(done.stdout[done.stdout.index("{") :])
        return list(report["findings"])


def _only(side: str) -> tuple[str, ...]:
    return ("--only", side) if side else ()

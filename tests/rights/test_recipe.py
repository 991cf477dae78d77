"""README's recipe: its commands, as they are typed, for callers with exactly the roles that it assigns."""

from __future__ import annotations

import re
import shlex
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sandbox.arm.roles import definitions
from sandbox.cloud.definitions import CLOUDS, SOURCE, TARGET, CloudDefinition
from sandbox.cloud.paths import Paths
from tests.engine.existing import Existing
from tests.engine.projects import Project
from tests.rights.callers import Caller

_SKIPPED = ("make install", "az login")
_EXPIRES = f"{datetime.now(UTC) + timedelta(days=5):%Y-%m-%dT%H:%M:%SZ}"


def commands(checkout: Path, heading: str) -> list[list[str]]:
    """The commands of the first block of code below a heading of the README."""
    text = (checkout / "README.md").read_text().partition(f"\n{heading}\n")[2]
    block = text.split("```\n")[1]
    lines = [line for line in block.splitlines() if line and not line.startswith(_SKIPPED)]
    # A placeholder is one word.
    quoted = [re.sub(r"<\w+ \w+>", r"'\g<0>'", line) for line in lines]
    return [shlex.split(line, comments=True) for line in quoted]


def in_sandbox(words: list[str], caller: Caller, definition: CloudDefinition) -> list[str]:
    """A command with the sandbox's names in place of the reader's."""
    principal = caller.principals[definition.side]
    pairs = (
        ("<object ID>", principal),
        ("<target subscription>", TARGET.subscription),
        ("<subscription>", definition.subscription),
        (r"\bcontosofar\b", TARGET.registry),
        (r"\bcontoso\b(?!-)", definition.registry),
        (r"\bregistries(?=/providers|$)", definition.registry_group),
        (r"2026-12-31T00:00:00Z", _EXPIRES),
    )
    found = []
    for word in words:
        for pattern, text in pairs:
            word = re.sub(pattern, text, word)
        found.append(word)
    return found


def perform(words: list[str], caller: Caller, definition: CloudDefinition, paths: Paths) -> None:
    """What a command of the Azure CLI does, as the operator."""
    if words[1:3] == ["group", "create"]:
        options = dict(zip(words[3::2], words[4::2], strict=True))
        Existing.of(paths, definition, options["--name"])
        return
    assert words[1:4] == ["role", "assignment", "create"], words
    options = dict(zip(words[4::2], words[5::2], strict=True))
    assert options["--assignee"] == caller.principals[definition.side]
    role = next(guid for guid, role in definitions().items() if role.name == options["--role"])
    caller.assign_role(definition.side, options["--scope"], role)


def test_the_recipe_works_as_typed_with_exactly_its_roles(
    checkout: Path, project: Project, paths: Paths
) -> None:
    caller = Caller(paths)
    for definition in CLOUDS:
        for words in commands(checkout, "### Rights"):
            perform(in_sandbox(words, caller, definition), caller, definition, paths)
    project.environment = caller.environment(project.environment)
    for words in commands(checkout, "## On Azure"):
        line = in_sandbox(words, caller, SOURCE)
        if line[:2] == ["pulumi", "up"]:
            line += ["--yes", "--skip-preview", "--color", "never"]
        project.run(*line)
        if line[:3] == ["pulumi", "stack", "init"]:
            cloud = TARGET if line[3].endswith("target") else SOURCE
            for key, value in (("environment", cloud.name), ("tenantId", cloud.tenant)):
                project.run("pulumi", "config", "set", f"azure-native:{key}", value)
    assert "30 of 30 artifacts proved" in project.said

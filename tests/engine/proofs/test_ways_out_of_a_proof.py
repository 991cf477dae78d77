"""What `prove`, `plan` and `ship` print about content that changed at either side, typed as it is printed."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest

from sandbox.cloud.cloud import Cloud
from sandbox.cloud.definitions import SOURCE, TARGET
from sandbox.cloud.paths import Paths
from tests.engine.projects import Project
from tests.transfer.pushing import delete, push, push_index
from tests.ways_out.pair import leads_out

STACKS = ("--source", "way-source", "--target", "way-target")
PROVE = ("acr-transfer", "prove", *STACKS, "--receipt", "receipt.json")
PLAN = ("acr-transfer", "plan", "--source", "way-source", "--repository", "way/*")


@pytest.fixture(scope="module")
def source(paths: Paths) -> Cloud:
    return Cloud(SOURCE, paths)


@pytest.fixture(scope="module")
def target(paths: Paths) -> Cloud:
    return Cloud(TARGET, paths)


@pytest.fixture(scope="module")
def project(
    tmp_path_factory: pytest.TempPathFactory,
    checkout: Path,
    sandbox_environment: dict[str, str],
    source: Cloud,
) -> Project:
    """Two stacks, and a lock of two tags and an index, of which one tag moves before the export."""
    made = Project.made(tmp_path_factory.mktemp("ways out"), checkout, sandbox_environment)
    made.stack("way-source", SOURCE, sasExpiry="2098-01-01T00:00:00Z", lock="transfer.lock.json")
    made.target("way-target", "way-source")
    children = [push(source, "way/multi", "", build=number) for number in ("1", "2")]
    push_index(source, "way/multi", "1", *children)
    push(source, "way/app", "1")
    push(source, "way/other", "1")
    made.run(*PLAN)
    return made


def follow(project: Project, commands: list[str], tag: str = "") -> None:
    """Type the commands of an advice, as they are printed; the last one proves the transfer."""
    assert len(commands) > 1
    for command in commands:
        words = shlex.split(command.replace("<new tag>", tag))
        project.run(*words, *(["--yes"] if words[:2] == ["pulumi", "up"] else []))


def advice(project: Project, verdict: str, *options: str) -> tuple[str, list[str]]:
    """The next step of the one artifact that is not proved: its reason, and its commands."""
    said = project.run(*PROVE, *options, good=False)
    found = re.search(rf"(?m)^  1 {verdict}: (.+)\n((?:    .+\n)+)", said)
    assert found, said
    return found[1], [line.strip() for line in found[2].splitlines()]


@leads_out("tag-moved-before-export")
def test_ship_exports_nothing_after_a_tag_moved_until_its_command_was_typed(
    project: Project, source: Cloud
) -> None:
    push(source, "way/app", "1", build="unplanned")
    said = project.run("acr-transfer", "ship", *STACKS, good=False)
    assert "nothing was exported: the registry differs from the lock transfer.lock.json:" in said
    assert "way/app:1 was planned as sha256:" in said
    commands = re.findall(r"(?m)^  (acr-transfer .+)$", said)
    assert commands == [
        "acr-transfer plan --again transfer.lock.json --source way-source",
        "acr-transfer ship --source way-source --target way-target",
    ]
    follow(project, commands)


@leads_out("tag-moved")
def test_a_tag_that_moved_before_the_export_is_named_and_its_way_out_ends_well(
    project: Project, source: Cloud
) -> None:
    push(source, "way/other", "1", build="planned")
    project.run(*PLAN)
    push(source, "way/other", "1", build="unplanned")
    project.up("way-source")
    doctor = project.attempt("acr-transfer", "doctor", *STACKS).stdout
    assert "way/other:1 was planned as sha256:" in doctor
    project.run("acr-transfer", "hop", *STACKS)
    text, commands = advice(project, "different", "--wait", "5")
    assert text.startswith("The tag has moved since the plan")
    follow(project, commands)
    assert "was planned as" not in project.attempt("acr-transfer", "doctor", *STACKS).stdout


@leads_out("deleted-at-target")
def test_a_purged_artifact_is_known_by_the_receipt_and_exported_again(
    project: Project, target: Cloud
) -> None:
    project.run(*PROVE)
    receipt = json.loads((project.folder / "receipt.json").read_text())
    digests = {entry["reference"]: entry["digest"] for entry in receipt["artifacts"]}
    delete(target, "way/app", digests["way/app:1"])
    recheck = ("acr-transfer", "prove", *STACKS, "--recheck", "receipt.json")
    assert re.search(r"(?m)^way/app:1 .+ missing$", project.run(*recheck, good=False))
    said = project.run("acr-transfer", "prove", *STACKS, good=False)
    assert re.search("1 is not at the target; the run .+ imported its blob", said)
    text, commands = advice(project, "missing")
    assert text == "It was deleted from the target."
    follow(project, commands, "second")
    project.run(*recheck)


@leads_out("replaced-at-target")
def test_another_build_at_the_target_is_replaced(project: Project, target: Cloud) -> None:
    push(target, "way/app", "1", build="foreign")
    text, commands = advice(project, "different")
    assert text.startswith("Another build was pushed at the target")
    follow(project, commands, "third")


def test_an_index_whose_child_was_purged_is_incomplete_and_travels_again(
    project: Project, target: Cloud
) -> None:
    lock = json.loads((project.folder / "transfer.lock.json").read_text())
    (child, _) = next(one for one in lock["artifacts"] if one["reference"] == "way/multi:1")["children"]
    delete(target, "way/multi", child["digest"])
    said = project.run(*PLAN, "--target", "way-target")
    assert re.search(r"(?m)^incomplete +way/multi:1 ", said), said
    assert "3 artifacts: 1 incomplete, 2 present" in said
    project.up("way-source")
    project.run("acr-transfer", "hop", *STACKS)
    project.run(*PROVE, "--wait", "120")
    assert "nothing to move" in project.run(*PLAN, "--target", "way-target")


@leads_out("gone-at-source")
def test_ship_exports_nothing_after_a_tag_was_deleted_until_a_plan_by_rules(
    project: Project, source: Cloud
) -> None:
    deleted = push(source, "way/app", "2")
    project.run(*PLAN)
    delete(source, "way/app", deleted.digest)
    said = project.run("acr-transfer", "ship", *STACKS, good=False)
    assert re.search(r"way/app:2 was planned as sha256:.+, but it does not exist any more", said)
    assert "Push it again, or plan without it by your rules, then:" in said
    project.run(*PLAN)
    follow(project, re.findall(r"(?m)^  ((?:pulumi|acr-transfer) .+)$", said))

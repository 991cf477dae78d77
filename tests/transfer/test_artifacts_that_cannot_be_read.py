"""Locked and refused artifacts: `plan` and `prove` name each of them with its reason, and read the others."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest

from sandbox.cloud.paths import Paths
from sandbox.faults.control import send_order, set_fault
from sandbox.faults.fault import InjectedFault
from tests.transfer.desk import Desk, make_desk

Refuse = Callable[[str, int], None]


@pytest.fixture(scope="module")
def desk(paths: Paths, sandbox_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Desk:
    made = make_desk(tmp_path_factory.mktemp("refused"), paths, sandbox_environment, "refused")
    for tag in ("1.0", "2.0", "3.0"):
        made.push("locked/app", tag)
    made.push("locked/other", "1.0")
    return made


@pytest.fixture
def refuse(desk: Desk) -> Iterator[Refuse]:
    """Let the source registry answer requests for a path with a status, until the test ends."""
    paths = desk.cloud.paths
    desk.output = ""

    def add(path: str, status: int) -> None:
        set_fault(paths, "source", InjectedFault(endpoint="registry", path=f"/v2/{path}", status=status))

    yield add
    send_order(paths, "source", "reset")
    send_order(paths, "source", "grants", seconds=0)


def lines(desk: Desk) -> list[str]:
    return [line.strip() for line in desk.output.splitlines()]


def test_a_locked_tag_is_named_with_all_other_faults_and_its_unlocking_ends_them(
    desk: Desk, refuse: Refuse
) -> None:
    refuse("locked/app/manifests/2.0", 405)
    named = ("locked/app:1.0", "locked/app:2.0", "locked/app:9.0", "locked/other:1.0")
    desk.run("plan", *named, code=11)
    unlock = "az acr repository update --name <registry> --image locked/app:2.0 --read-enabled true"
    assert f"locked/app:2.0 is locked for reading (HTTP 405). Unlock it: {unlock}" in lines(desk)
    assert any(line.startswith("locked/app:9.0 is not in the registry") for line in lines(desk))
    assert "Try again" not in desk.output
    # The sandbox has no locks: lifting the fault stands for the command.
    send_order(desk.cloud.paths, "source", "reset")
    found = desk.json("plan", "locked/app:1.0", "locked/app:2.0", "locked/other:1.0", "--dry-run")
    assert found["counts"]["new"] == 3


def test_a_locked_repository_is_named_once(desk: Desk, refuse: Refuse) -> None:
    refuse("locked/other/", 405)
    desk.run("plan", "--repository", "locked/*", code=11)
    unlock = "az acr repository update --name <registry> --repository locked/other --read-enabled true"
    assert [line for line in lines(desk) if "locked" in line] == [
        f"locked/other is locked for reading (HTTP 405). Unlock it: {unlock}"
    ]


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [
        (403, 11, "locked/app:2.0: reading from 127.0.0.1:{port}: refused (HTTP 403)"),
        (410, 11, "locked/app:2.0: 127.0.0.1:{port} returned HTTP 410 for /v2/locked/app/manifests/2.0."),
        (451, 11, "locked/app:2.0: 127.0.0.1:{port} returned HTTP 451 for /v2/locked/app/manifests/2.0."),
    ],
)
def test_other_refusals_of_one_artifact_do_not_hide_the_others(
    status: int, code: int, words: str, desk: Desk, refuse: Refuse
) -> None:
    refuse("locked/app/manifests/2.0", status)
    desk.run("plan", "locked/app:1.0", "locked/app:2.0", "locked/app:9.0", code=code)
    assert words.format(port=desk.host.partition(":")[2]) in lines(desk)
    assert any(line.startswith("locked/app:9.0 is not in the registry") for line in lines(desk))


def test_a_refusal_of_everything_has_the_code_of_a_missing_permission(desk: Desk, refuse: Refuse) -> None:
    refuse("locked/", 403)
    desk.run("plan", "locked/app:1.0", "locked/other:1.0", code=6)
    assert "refused (HTTP 403) for locked/app, locked/other, locked/app:1.0, locked/other:1.0" in desk.output
    assert "az role assignment create" in desk.output


def test_a_proof_continues_after_a_refused_artifact(desk: Desk, refuse: Refuse) -> None:
    desk.run("plan", "locked/app:1.0", "locked/app:2.0", "locked/app:3.0", "--out", "three.json")
    refuse("locked/app/manifests/2.0", 405)
    refuse("locked/app/manifests/3.0", 403)
    line = ("prove", "--lock", "three.json", "--registry", desk.host)
    found = desk.json(*line, code=3)
    assert {each["artifact"]: each["verdict"] for each in found["findings"]} == {
        "locked/app:1.0": "proved",
        "locked/app:2.0": "not provable",
        "locked/app:3.0": "not provable",
    }
    details = [each["detail"] for each in found["findings"]]
    assert "--image locked/app:2.0 --read-enabled true" in details[1]
    assert "refused (HTTP 403)" in details[2]


def test_a_refused_proof_of_everything_has_the_code_of_a_missing_permission(
    desk: Desk, refuse: Refuse
) -> None:
    desk.run("plan", "locked/app:1.0", "locked/app:2.0", "--out", "two.json")
    refuse("locked/", 403)
    desk.run("prove", "--lock", "two.json", "--registry", desk.host, code=6)
    assert "needs permission to pull" in desk.output


def test_waiting_survives_a_registry_that_is_away(desk: Desk, refuse: Refuse) -> None:
    desk.run("plan", "locked/app:1.0", "--out", "one.json")
    paths = desk.cloud.paths
    cut = InjectedFault(endpoint="registry", path="/v2/locked/", cut="before", times=8)
    set_fault(paths, "source", cut)
    line = ("prove", "--lock", "one.json", "--registry", desk.host)
    found = desk.json(*line, "--wait", "300")
    assert (found["good"], json.loads((desk.folder / "one.json").read_text())["registry"]) == (
        True,
        desk.host,
    )

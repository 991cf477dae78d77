"""Faults: matching requests, counts, validation, and the help of the command."""

from __future__ import annotations

import re
import shlex
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.__main__ import _parser
from sandbox.cloud.database import Database
from sandbox.cloud.paths import CHECKOUT
from sandbox.faults import command
from sandbox.faults.fault import ENDPOINTS, InjectedFault
from sandbox.faults.open_questions import OPEN_QUESTIONS
from sandbox.faults.state import Faults
from sandbox.http.azure_errors import SandboxError


def a_fault(**more: Any) -> InjectedFault:
    return InjectedFault(**{"endpoint": "arm", "status": 503, **more})


@settings(max_examples=25)
@given(skip=st.integers(0, 4), times=st.integers(0, 4), requests=st.integers(0, 12))
def test_a_fault_skips_requests_and_applies_to_the_given_number(skip: int, times: int, requests: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        database = Database(Path(folder))
        faults = Faults(database)
        faults.add(a_fault(skip=skip, times=times))
        applied = [faults.take("arm", "GET", "/x") is not None for _ in range(requests)]
        left = max(0, requests - skip)
        assert (
            applied
            == ([False] * skip + [True] * (min(left, times) if times else left) + [False] * 12)[:requests]
        )
        assert Faults(database).json() == faults.json()  # the state survives a restart
        database.close()


MATCHING = {
    "every path": (a_fault(), "GET", "/any", True),
    "another endpoint": (a_fault(endpoint="vault"), "GET", "/any", False),
    "a part of the path, in any case": (
        a_fault(path="pipelineruns/"),
        "PUT",
        "/x/pipelineRuns/one?a=b",
        True,
    ),
    "with a wildcard": (a_fault(path="/accounts/*comp=block"), "PUT", "/accounts/c/b?comp=block", True),
    "not a regular expression": (a_fault(path="a.c"), "GET", "/abc", False),
    "another path": (a_fault(path="/other"), "GET", "/any", False),
    "its method": (a_fault(method="put"), "PUT", "/any", True),
    "another method": (a_fault(method="PUT"), "GET", "/any", False),
}


@pytest.mark.parametrize("name", MATCHING)
def test_a_fault_matches_method_and_path(name: str) -> None:
    fault, method, target, expected = MATCHING[name]
    assert fault.matches("arm", method, target) is expected


INVALID: dict[str, tuple[dict[str, Any], str]] = {
    "an unknown endpoint": ({"endpoint": "window"}, "arm, vault, token, storage, registry"),
    "no effect": ({"status": 0}, "--delay, --status, --cut, --firewall or --damage"),
    "a success status": ({"status": 200}, "400 to 599"),
    "a negative count": ({"times": -1}, "must be from 0 to a billion"),
    "an unknown cut": ({"cut": "sometimes"}, "before or after"),
    "a firewall of another endpoint": ({"firewall": True}, "Only storage and vault"),
    "damaged content of another endpoint": ({"damage": True}, "Only the content of storage"),
}


@pytest.mark.parametrize("name", INVALID)
def test_an_invalid_fault_is_rejected_with_the_valid_values(name: str) -> None:
    fields, message = INVALID[name]
    with pytest.raises(SandboxError, match=re.escape(message)):
        a_fault(**fields)


def test_the_first_of_two_faults_applies_until_it_is_exhausted(tmp_path: Path) -> None:
    faults = Faults(Database(tmp_path))
    faults.add(a_fault(status=500, times=1))
    second = faults.add(a_fault(status=503))
    found = [faults.take("arm", "GET", "/") for _ in range(2)]
    assert [each and each.status for each in found] == [500, 503]
    faults.lift(second)
    assert faults.take("arm", "GET", "/") is None


def test_a_reset_restores_all_defaults(tmp_path: Path) -> None:
    faults = Faults(Database(tmp_path))
    before = faults.json()
    faults.add(a_fault())
    faults.set_clock(-3600)
    faults.set_grants(30)
    faults.choose("existing", "skip")
    assert faults.choice("existing") == "skip"
    faults.reset()
    assert faults.json() == before


def test_every_example_in_the_help_is_a_valid_command() -> None:
    lines = re.findall(r"python -m sandbox (fault.*?)(?:  |$)", command._EXAMPLES, re.MULTILINE)
    assert len(lines) > 10
    for line in lines:
        _parser().parse_args(shlex.split(line))


def test_the_help_lists_every_endpoint_and_every_open_question(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        _parser().parse_args(["fault", "--help"])
    output = capsys.readouterr().out
    for word in (*ENDPOINTS, *OPEN_QUESTIONS):
        assert word in output


def test_the_documentation_lists_every_open_question() -> None:
    page = (CHECKOUT / "docs" / "sandbox.md").read_text()
    assert [name for name in OPEN_QUESTIONS if f"`{name}`" not in page] == []

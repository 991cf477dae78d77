"""Which requests a fault meets, how often it is played, and what the command reads."""

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
from sandbox.cloud.paths import CHECKOUT
from sandbox.cloud.store import Store
from sandbox.faults import command
from sandbox.faults.fault import ENDPOINTS, Fault
from sandbox.faults.open_questions import OPEN_QUESTIONS
from sandbox.faults.state import Faults
from sandbox.http.azure_errors import SandboxError


def made(**more: Any) -> Fault:
    return Fault(**{"door": "arm", "status": 503, **more})


@settings(max_examples=25)
@given(skip=st.integers(0, 4), times=st.integers(0, 4), requests=st.integers(0, 12))
def test_a_fault_lets_some_requests_pass_and_meets_as_many_as_it_says(
    skip: int, times: int, requests: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder))
        faults = Faults(store)
        faults.set(made(skip=skip, times=times))
        met = [faults.meet("arm", "GET", "/x") is not None for _ in range(requests)]
        left = max(0, requests - skip)
        assert (
            met == ([False] * skip + [True] * (min(left, times) if times else left) + [False] * 12)[:requests]
        )
        assert Faults(store).json() == faults.json()  # it survives a restart
        store.close()


FITTING = {
    "every path": (made(), "GET", "/any", True),
    "another door": (made(door="vault"), "GET", "/any", False),
    "a part of the path, in any case": (made(path="pipelineruns/"), "PUT", "/x/pipelineRuns/one?a=b", True),
    "with anything between": (made(path="/accounts/*comp=block"), "PUT", "/accounts/c/b?comp=block", True),
    "no regular expression": (made(path="a.c"), "GET", "/abc", False),
    "another path": (made(path="/other"), "GET", "/any", False),
    "its method": (made(method="put"), "PUT", "/any", True),
    "another method": (made(method="PUT"), "GET", "/any", False),
}


@pytest.mark.parametrize("name", FITTING)
def test_a_fault_meets_the_requests_that_it_names(name: str) -> None:
    fault, method, target, fits = FITTING[name]
    assert fault.fits("arm", method, target) is fits


SENSELESS: dict[str, tuple[dict[str, Any], str]] = {
    "no door": ({"door": "window"}, "arm, vault, token, storage, registry"),
    "no effect": ({"status": 0}, "--delay, --status, --cut or --firewall"),
    "a good status": ({"status": 200}, "400 to 599"),
    "a negative count": ({"times": -1}, "not negative"),
    "no such cut": ({"cut": "sometimes"}, "before or after"),
    "a firewall without a network": ({"firewall": True}, "storage and vaults"),
}


@pytest.mark.parametrize("name", SENSELESS)
def test_a_senseless_fault_is_refused_with_what_would_make_sense(name: str) -> None:
    more, words = SENSELESS[name]
    with pytest.raises(SandboxError, match=re.escape(words)):
        made(**more)


def test_the_first_of_two_faults_is_played_until_it_is_spent(tmp_path: Path) -> None:
    faults = Faults(Store(tmp_path))
    faults.set(made(status=500, times=1))
    second = faults.set(made(status=503))
    found = [faults.meet("arm", "GET", "/") for _ in range(2)]
    assert [each and each.status for each in found] == [500, 503]
    faults.lift(second)
    assert faults.meet("arm", "GET", "/") is None


def test_a_reset_leaves_nothing(tmp_path: Path) -> None:
    faults = Faults(Store(tmp_path))
    before = faults.json()
    faults.set(made())
    faults.set_clock(-3600)
    faults.set_grants(30)
    faults.choose("existing", "skip")
    assert faults.choice("existing") == "skip"
    faults.reset()
    assert faults.json() == before


def test_every_example_of_the_help_is_a_command_that_is_understood() -> None:
    lines = re.findall(r"python -m sandbox (fault.*?)(?:  |$)", command._EXAMPLES, re.MULTILINE)
    assert len(lines) > 10
    for line in lines:
        _parser().parse_args(shlex.split(line))


def test_the_help_names_every_door_and_every_open_point(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        _parser().parse_args(["fault", "--help"])
    said = capsys.readouterr().out
    for word in (*ENDPOINTS, *OPEN_QUESTIONS):
        assert word in said


def test_the_page_on_the_sandbox_names_every_open_point() -> None:
    page = (CHECKOUT / "docs" / "sandbox.md").read_text()
    assert [name for name in OPEN_QUESTIONS if f"`{name}`" not in page] == []

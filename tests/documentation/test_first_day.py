"""What nobody has confirmed on Azure: each of the sandbox's assumptions has a check and a setting."""

from __future__ import annotations

import re
from pathlib import Path

from acr_transfer.operate import unconfirmed
from acr_transfer.operate.unconfirmed import UNCONFIRMED
from sandbox.faults.open_questions import OPEN_QUESTIONS
from stack.keys import BY_NAME
from tests.documentation.first_day import PAGE, page


def test_each_assumption_of_the_sandbox_has_a_check_on_azure(checkout: Path) -> None:
    table = (checkout / "docs/sandbox.md").read_text().partition("## Assumptions about Azure")[2]
    rows = [row.split(" | ") for row in re.findall(r"^\| (.+) \|$", table, re.MULTILINE)]
    without_choice = {cells[0] for cells in rows if cells[-1] == "" or cells[-1] == "|"} | {
        cells[0] for cells in rows if len(cells) == 2
    }
    named = [each.name for each in UNCONFIRMED]
    assert sorted(named) == sorted({*OPEN_QUESTIONS, *without_choice} - {"---"})


def test_the_page_is_current() -> None:
    assert PAGE.read_text() == page(), "write it: .venv/bin/python -m tests.documentation.first_day"


def test_the_conditions_name_keys_with_their_defaults() -> None:
    keys = {key for each in UNCONFIRMED for key in (*each.when, *filter(None, [each.needs]))}
    assert keys <= set(BY_NAME)
    assert {key: BY_NAME[key].default for key in unconfirmed._DEFAULTS} == unconfirmed._DEFAULTS


def test_the_list_for_a_stack_has_only_what_its_set_up_meets() -> None:
    managed = {
        each.name for each in UNCONFIRMED if each.applies("source", {"storageAccess": "ManagedIdentity"})
    }
    default = {each.name for each in UNCONFIRMED if each.applies("target", {})}
    assert "vault-uri-unused" in managed - default
    assert "trigger-name" in default - managed
    assert {"account-sas", "vault-uri-missing"} <= default - managed
    assert "abac-pipeline" not in managed | default

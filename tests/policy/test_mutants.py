"""Every decision in a rule is held by its cases: with one turned round, some case fails."""

from __future__ import annotations

import pytest

from tests.policy.cases import CASES
from tests.policy.mutants import FOLDER, ORIGINAL, PACKAGE, Mutant, loaded, mutants
from tests.policy.tables import fails

WITH_RULES = sorted(file.stem for file in FOLDER.glob("*.py") if "\nRULES = (" in file.read_text())
SHARED = ["props", "sas_token", "wiring"]
"""What rules have in common, held by the cases of all of them."""


@pytest.mark.parametrize("module", [*WITH_RULES, *SHARED])
def test_a_decision_turned_round_fails_a_case(module: str) -> None:
    survivors = [str(mutant) for mutant in mutants(module) if not _is_found(mutant)]
    assert survivors == []


def _is_found(mutant: Mutant) -> bool:
    with loaded(mutant, "catalogue", "serving", mutant.module) as (catalogue, serving, module):
        rules = getattr(module, "RULES", catalogue.ALL)
        return any(fails(rule, case, serving.served) for rule in rules for case in CASES[rule.name])


@pytest.mark.parametrize("module", WITH_RULES)
def test_without_a_turn_no_case_fails(module: str) -> None:
    same = Mutant(module, 0, 0, "nothing", ORIGINAL[f"{PACKAGE}.{module}"])
    assert not _is_found(same)
    assert len(list(mutants(module))) > 3

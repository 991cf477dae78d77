"""The cases cover every decision in a rule: with one inverted, a case fails."""

from __future__ import annotations

import re

import pytest

from policy.framework.rule import ResourceRule, StackRule
from policy.rules.catalogue import ALL
from tests.policy.cases import CASES
from tests.policy.mutants import FOLDER, ORIGINAL, PACKAGE, Mutant, loaded, mutants
from tests.policy.tables import fails

RULE = re.compile(r"^@\w+Rule\(", re.MULTILINE)
WITH_RULES = sorted(
    f"rules.{file.stem}" for file in FOLDER.glob("rules/*.py") if RULE.search(file.read_text())
)
SHARED = {
    "framework.addresses": ["rules.pipeline", "rules.pipeline_stack"],
    "framework.properties": WITH_RULES,
    "framework.run_links": ["rules.run", "rules.run_stack"],
    "framework.resources": WITH_RULES,
    "framework.links": ["rules.pipeline_stack", "rules.run_stack", "rules.storage", "rules.vault"],
}
"""The framework's modules, each with the rules whose cases cover it."""


@pytest.mark.parametrize("module", [*WITH_RULES, *SHARED])
def test_an_inverted_decision_fails_a_case(module: str) -> None:
    survivors = [str(mutant) for mutant in mutants(module) if not _is_found(mutant)]
    assert survivors == []


def _is_found(mutant: Mutant) -> bool:
    users = SHARED.get(mutant.module, [mutant.module])
    with loaded(mutant, "framework.pack", "rules.catalogue", *users) as (pack, catalogue, *modules):
        rules = [rule for module in modules for rule in catalogue.rules_in(module)]
        return any(fails(rule, case, pack.policy_of) for rule in rules for case in CASES[rule.name])


@pytest.mark.parametrize("module", WITH_RULES)
def test_an_unchanged_module_fails_no_case(module: str) -> None:
    same = Mutant(module, 0, 0, "nothing", ORIGINAL[f"{PACKAGE}.{module}"])
    assert not _is_found(same)
    assert len(list(mutants(module))) > 3


def test_every_module_of_the_catalogue_is_covered() -> None:
    checks = [rule.check for rule in ALL if isinstance(rule, ResourceRule | StackRule)]
    assert {f"rules.{check.__module__.rpartition('.')[2]}" for check in checks} == set(WITH_RULES)

"""Every rule finds its violations and no others, and has a case of each kind."""

from __future__ import annotations

import pytest

from policy.framework.rule import PolicyRule
from policy.rules.catalogue import ALL
from tests.policy.cases import CASES
from tests.policy.tables import Case, Shape, fails, messages

RULES = {rule.name: rule for rule in ALL}
EACH = [
    pytest.param(rule, case, id=f"{rule.name}-{number}-{case.shape}")
    for rule in ALL
    for number, case in enumerate(CASES.get(rule.name, ()), 1)
]


@pytest.mark.parametrize(("rule", "case"), EACH)
def test_a_rule_finds_the_expected_violations_and_no_others(rule: PolicyRule, case: Case) -> None:
    assert fails(rule, case) == ""


def test_every_case_belongs_to_a_rule() -> None:
    assert CASES.keys() <= RULES.keys()


@pytest.mark.parametrize("rule", ALL, ids=lambda rule: str(rule.name))
def test_a_rule_has_a_case_of_each_shape(rule: PolicyRule) -> None:
    cases = CASES.get(rule.name, [])
    assert {case.shape for case in cases} == set(Shape)
    assert all(case.expected for case in cases if case.shape is Shape.BAD)
    assert not any(case.expected for case in cases if case.shape in (Shape.GOOD, Shape.OTHER))


@pytest.mark.parametrize("rule", ALL, ids=lambda rule: str(rule.name))
def test_a_message_contains_the_fix_and_the_link(rule: PolicyRule) -> None:
    bad = next(case for case in CASES[rule.name] if case.shape is Shape.BAD)
    for message in messages(rule, bad):
        assert rule.fix in message
        assert message.endswith(rule.url)
        assert "could not be evaluated" not in message

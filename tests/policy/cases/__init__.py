"""The cases of all rules."""

from __future__ import annotations

from tests.policy.cases import (
    pipeline_cases,
    registry_cases,
    run_cases,
    sas_cases,
    stack_cases,
    storage_cases,
    storage_stack_cases,
    vault_cases,
)
from tests.policy.tables import Table

CASES: Table = {
    **registry_cases.CASES,
    **storage_cases.CASES,
    **storage_stack_cases.CASES,
    **vault_cases.CASES,
    **sas_cases.CASES,
    **pipeline_cases.CASES,
    **run_cases.CASES,
    **stack_cases.CASES,
}

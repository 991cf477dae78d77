"""The cases of all rules."""

from __future__ import annotations

from tests.policy import (
    registry_cases,
    sas_cases,
    storage_cases,
    storage_in_use_cases,
    vault_cases,
)
from tests.policy.tables import Table

CASES: Table = {
    **registry_cases.CASES,
    **storage_cases.CASES,
    **storage_in_use_cases.CASES,
    **vault_cases.CASES,
    **sas_cases.CASES,
}

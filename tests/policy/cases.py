"""The cases of all rules."""

from __future__ import annotations

from tests.policy import registry_cases
from tests.policy.tables import Table

CASES: Table = {**registry_cases.CASES}

"""The cases of all rules."""

from __future__ import annotations

from tests.policy.cases import pipeline, registry, run, sas, stack, storage, vault
from tests.policy.tables import Table

CASES: Table = {
    **registry.CASES,
    **storage.CASES,
    **vault.CASES,
    **sas.CASES,
    **pipeline.CASES,
    **run.CASES,
    **stack.CASES,
}

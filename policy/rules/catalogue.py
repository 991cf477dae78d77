"""All rules."""

from policy.framework.rule import Rule
from policy.rules import (
    pipeline,
    pipeline_in_use,
    registry,
    run,
    run_stack,
    sas,
    stack,
    storage,
    storage_in_use,
    vault,
    vault_in_use,
)

ALL: tuple[Rule, ...] = (
    *registry.RULES,
    *storage.RULES,
    *storage_in_use.RULES,
    *vault.RULES,
    *vault_in_use.RULES,
    *sas.RULES,
    *pipeline.RULES,
    *pipeline_in_use.RULES,
    *run.RULES,
    *run_stack.RULES,
    *stack.RULES,
)

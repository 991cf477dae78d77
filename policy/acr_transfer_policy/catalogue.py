"""All rules."""

from . import (
    pipeline,
    pipeline_in_use,
    registry,
    run,
    run_in_use,
    sas,
    stack,
    storage,
    storage_in_use,
    vault,
    vault_in_use,
)
from .rule import Rule

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
    *run_in_use.RULES,
    *stack.RULES,
)

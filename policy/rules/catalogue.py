"""The catalogue of all rules."""

from types import ModuleType

from policy.framework.rule import PolicyRule
from policy.rules import pipeline, pipeline_stack, registry, run, run_stack, sas, stack, storage, vault


def rules_in(module: ModuleType) -> list[PolicyRule]:
    """Return the rules of a module in the order of the file."""
    return [value for value in vars(module).values() if isinstance(value, PolicyRule)]


_MODULES = (registry, storage, vault, sas, pipeline, pipeline_stack, run, run_stack, stack)
ALL: tuple[PolicyRule, ...] = tuple(rule for module in _MODULES for rule in rules_in(module))
"""Every rule, by subject."""

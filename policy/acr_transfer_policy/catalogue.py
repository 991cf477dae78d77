"""All rules."""

from . import registry, sas, storage, storage_in_use, vault, vault_in_use
from .rule import Rule

ALL: tuple[Rule, ...] = (
    *registry.RULES,
    *storage.RULES,
    *storage_in_use.RULES,
    *vault.RULES,
    *vault_in_use.RULES,
    *sas.RULES,
)

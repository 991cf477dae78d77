"""All rules."""

from . import registry
from .rule import Rule

ALL: tuple[Rule, ...] = (*registry.RULES,)

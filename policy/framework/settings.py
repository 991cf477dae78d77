"""The settings of rules in the policy configuration, and their defaults."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_SCHEMAS: Mapping[type, Mapping[str, Any]] = {
    bool: {"type": "boolean"},
    int: {"type": "integer", "minimum": 0},
    str: {"type": "string"},
    list: {"type": "array", "items": {"type": "string"}},
}


@dataclass(frozen=True)
class RuleSetting:
    """One setting of a rule."""

    name: str
    default: bool | int | str | tuple[str, ...]
    """The value without configuration; its type is the setting's type."""
    description: str

    @property
    def schema(self) -> dict[str, Any]:
        """The setting in JSON Schema; the engine checks the configuration with it."""
        default = list(self.default) if isinstance(self.default, tuple) else self.default
        return {**_SCHEMAS[type(default)], "default": default, "description": self.description}


def configured(settings: Sequence[RuleSetting], config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of settings by their names, from the configuration or else by default."""
    found = {each.name: config.get(each.name) for each in settings}
    return {each.name: each.default if found[each.name] is None else found[each.name] for each in settings}

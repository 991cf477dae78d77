"""The settings of rules in the policy configuration, and their defaults."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_TYPES = {bool: "boolean", int: "integer", float: "number", str: "string"}


@dataclass(frozen=True)
class RuleSetting:
    """One setting of a rule."""

    name: str
    default: bool | int | float | str | tuple[str, ...]
    """The value without configuration; its type is the setting's type."""
    description: str

    @property
    def schema(self) -> dict[str, Any]:
        """The setting in JSON Schema; the engine checks the configuration with it."""
        if isinstance(self.default, tuple):
            array: dict[str, Any] = {"type": "array", "items": {"type": "string"}}
            return {**array, "default": list(self.default), "description": self.description}
        type_name = _TYPES[type(self.default)]
        minimum = {"minimum": 0} if type_name in ("integer", "number") else {}
        return {"type": type_name, **minimum, "default": self.default, "description": self.description}


def configured(settings: Sequence[RuleSetting], config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of settings by their names, from the configuration or else by default."""
    found = {each.name: config.get(each.name) for each in settings}
    return {each.name: each.default if found[each.name] is None else found[each.name] for each in settings}

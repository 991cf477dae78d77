"""The settings of rules in the policy configuration, and their defaults."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
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


@dataclass(frozen=True)
class RuleSettings:
    """The configured settings of a rule; outside the engine, the defaults."""

    declared: Sequence[RuleSetting] = ()
    configured: Mapping[str, Any] = field(default_factory=dict)

    def number(self, name: str) -> float:
        """Return a number; the engine passes whole numbers as floats too."""
        return float(self._value(name))

    def flag(self, name: str) -> bool:
        """Return a boolean."""
        return bool(self._value(name))

    def text(self, name: str) -> str:
        """Return a text."""
        return str(self._value(name))

    def texts(self, name: str) -> list[str]:
        """Return a list of texts."""
        return [str(item) for item in self._value(name)]

    def _value(self, name: str) -> Any:
        value = self.configured.get(name)
        return next(each.default for each in self.declared if each.name == name) if value is None else value

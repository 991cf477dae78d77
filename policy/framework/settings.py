"""What a rule can be told by the policy configuration, and what it takes where it is told nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

_TYPES = {bool: "boolean", int: "integer", float: "number", str: "string"}


@dataclass(frozen=True)
class Setting:
    """One setting of a rule."""

    name: str
    default: bool | int | float | str | tuple[str, ...]
    """What the rule takes itself, and what the schema says; its type is the setting's type."""
    description: str

    @property
    def schema(self) -> dict[str, Any]:
        """The setting in JSON Schema, which the engine checks a configuration against."""
        if isinstance(self.default, tuple):
            shape: dict[str, Any] = {"type": "array", "items": {"type": "string"}}
            return {**shape, "default": list(self.default), "description": self.description}
        kind = _TYPES[type(self.default)]
        least = {"minimum": 0} if kind in ("integer", "number") else {}
        return {"type": kind, **least, "default": self.default, "description": self.description}


@dataclass(frozen=True)
class Settings:
    """The settings of a rule as configured; outside the engine nothing is."""

    defaults: Sequence[Setting] = ()
    configured: Mapping[str, Any] = field(default_factory=dict)

    def number(self, name: str) -> float:
        """Return a number; the engine gives whole ones as floats too."""
        return float(self._value(name))

    def flag(self, name: str) -> bool:
        """Return a yes or no."""
        return bool(self._value(name))

    def text(self, name: str) -> str:
        """Return a text."""
        return str(self._value(name))

    def texts(self, name: str) -> list[str]:
        """Return a list of texts."""
        return [str(item) for item in self._value(name)]

    def _value(self, name: str) -> Any:
        given = self.configured.get(name)
        return next(each.default for each in self.defaults if each.name == name) if given is None else given

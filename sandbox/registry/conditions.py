"""Conditions of role assignments: for which repositories a role holds.

https://learn.microsoft.com/azure/container-registry/container-registry-rbac-abac-repository-permissions
https://learn.microsoft.com/azure/role-based-access-control/conditions-format
"""

import re
from collections.abc import Callable
from fnmatch import fnmatchcase

Condition = Callable[[str, str], bool]
"""Whether a role holds for an action (`…/repositories/content/read`) on a repository."""

_ATTRIBUTE = "Microsoft.ContainerRegistry/registries/repositories:name"
_TOKEN = re.compile(
    r"\s*(?:(?P<mark>[()!]|&&|\|\||AND\b|OR\b|NOT\b)"
    r"|ActionMatches\s*\{\s*'(?P<action>[^']+)'\s*\}"
    r"|@(?P<source>\w+)\[(?P<attribute>[^\]]+)\]\s+(?:ForAnyOfAnyValues:)?(?P<operator>\w+)"
    r"\s+(?P<values>'[^']*'|\{\s*'[^']*'(?:\s*,\s*'[^']*')*\s*\}))\s*"
)
_LONGEST, _DEEPEST = 8192, 20

_OPERATORS: dict[str, Callable[[str, str], bool]] = {
    "StringEquals": lambda name, value: name == value,
    "StringStartsWith": lambda name, value: name.startswith(value),
    "StringLike": lambda name, value: fnmatchcase(name, value.replace("[", "[[]")),
}
"""The operators for texts; each has a form with `Not`, and each of these one with `IgnoreCase`."""


def parse(text: str) -> Condition:
    """Read a condition. Raises ValueError for a form that is wrong, or that the sandbox does not know."""
    if len(text) > _LONGEST:
        raise ValueError(f"the condition is longer than {_LONGEST} characters")
    parser = _Parser(text)
    found = parser.either(0)
    if parser.token is not None:
        raise ValueError(f"unexpected {parser.token.group().strip()!r}")
    return found


class _Parser:
    """Reads a condition from left to right; AND binds closer than OR."""

    def __init__(self, text: str) -> None:
        self._text, self._place = text, 0
        self.token: re.Match[str] | None = None
        self._advance()

    def either(self, depth: int) -> Condition:
        found = self._both(depth)
        while self._takes("||", "OR"):
            found = _or(found, self._both(depth))
        return found

    def _both(self, depth: int) -> Condition:
        found = self._one(depth)
        while self._takes("&&", "AND"):
            found = _and(found, self._one(depth))
        return found

    def _one(self, depth: int) -> Condition:
        if depth > _DEEPEST:
            raise ValueError(f"more than {_DEEPEST} levels of parentheses")
        if self._takes("!", "NOT"):
            inner = self._one(depth + 1)
            return lambda action, name: not inner(action, name)
        if self._takes("("):
            inside = self.either(depth + 1)
            if not self._takes(")"):
                raise ValueError("a closing parenthesis is missing")
            return inside
        if self.token is None or self.token["mark"]:
            raise ValueError("ActionMatches or @Request is missing")
        found = _term(self.token)
        self._advance()
        return found

    def _takes(self, *marks: str) -> bool:
        """Whether the next token is one of these, which is then read."""
        if self.token is None or self.token["mark"] not in marks:
            return False
        self._advance()
        return True

    def _advance(self) -> None:
        self.token = _TOKEN.match(self._text, self._place)
        if self.token:
            self._place = self.token.end()
        elif self._text[self._place :].strip():
            raise ValueError(f"the sandbox does not know {self._text[self._place :][:60].strip()!r}")


def _term(token: re.Match[str]) -> Condition:
    if action := token["action"]:
        return lambda wanted, _: wanted.lower() == action.lower()
    if token["source"] != "Request" or token["attribute"] != _ATTRIBUTE:
        raise ValueError(f"a repository's name is @Request[{_ATTRIBUTE}]")
    operator, fold = token["operator"].removesuffix("IgnoreCase"), token["operator"].endswith("IgnoreCase")
    compare = _OPERATORS.get(operator.replace("Not", "", 1))
    if not compare:
        raise ValueError(f"the operator {token['operator']!r} is unknown")
    values = re.findall("'([^']*)'", token["values"])
    return _comparison(compare, values, negated="Not" in operator, fold=fold)


def _comparison(
    compare: Callable[[str, str], bool], values: list[str], *, negated: bool, fold: bool
) -> Condition:
    def holds(_: str, name: str) -> bool:
        spelled = name.lower() if fold else name
        return negated != any(compare(spelled, value.lower() if fold else value) for value in values)

    return holds


def _or(first: Condition, second: Condition) -> Condition:
    return lambda action, name: first(action, name) or second(action, name)


def _and(first: Condition, second: Condition) -> Condition:
    return lambda action, name: first(action, name) and second(action, name)

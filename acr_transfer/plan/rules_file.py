"""Reads the rules of a TOML file or of the command line, and reports all faults at once.

TOML keeps a quoted tag such as "1.10" as text.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from acr_transfer.errors import InputError
from acr_transfer.model.references import Artifact, InvalidReferenceError
from acr_transfer.model.text_files import read_text
from acr_transfer.plan.patterns import compile_pattern
from acr_transfer.plan.rules import Order, SelectionRule, SelectionRules, range_of

_PLATFORM = re.compile(r"[a-z0-9]+/[a-z0-9_]+(/[a-z0-9]+)?")
_SECONDS = {"h": 3600, "d": 86_400, "w": 604_800}


def read_rules(path: Path) -> SelectionRules:
    """Read a TOML file. Raises one `InputError` with all faults, or `TextFileError`."""
    try:
        document = tomllib.loads(read_text(path, "rules file"))
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"rules {path} are not valid TOML: {error}") from None
    return parse_rules(document, f"rules {path}")


RULE_KEYS = {
    "repositories": list,
    "tags": list,
    "versions": str,
    "newest": int,
    "order": str,
    "younger-than": str,
    "older-than": str,
    "exclude-repositories": list,
    "exclude-tags": list,
}
"""The keys of a rule and the types of their values."""

_TYPE_NAMES = {list: "a list of strings", str: "a string", int: "a number"}


def parse_rules(document: Mapping[str, Any], source: str) -> SelectionRules:
    """Read `artifacts`, `platforms` and `rule` tables; `source` names them in messages.

    Raises one `InputError` with all faults.
    """
    faults = [
        f"{key}: unknown key; expected artifacts, platforms or rule"
        for key in sorted(document.keys() - {"artifacts", "platforms", "rule"})
    ]
    artifacts, artifact_faults = _artifacts(document.get("artifacts", []))
    platforms, platform_faults = _platforms(document.get("platforms", []))
    rules, rule_faults = _rules(document.get("rule", []))
    if faults := [*faults, *artifact_faults, *platform_faults, *rule_faults]:
        raise InputError(f"{source} cannot be used:\n  " + "\n  ".join(faults))
    return SelectionRules(artifacts=artifacts, rules=rules, platforms=platforms)


def _artifacts(listed: Any) -> tuple[tuple[str, ...], list[str]]:
    """The references in full, each once, and the faults."""
    if fault := _type_fault("artifacts", listed, list):
        return (), [fault]
    references, faults = dict[str, None](), list[str]()
    for text in listed:
        try:
            references[Artifact.parse(text).reference] = None
        except InvalidReferenceError as error:
            faults.append(f"artifacts: {error}")
    return tuple(references), faults


def _platforms(listed: Any) -> tuple[tuple[str, ...], list[str]]:
    if fault := _type_fault("platforms", listed, list):
        return (), [fault]
    expected = "os/architecture[/variant], such as linux/amd64"
    faults = [f"platforms: {each!r}; expected {expected}" for each in listed if not _PLATFORM.fullmatch(each)]
    return tuple(listed), faults


def _rules(tables: object) -> tuple[tuple[SelectionRule, ...], list[str]]:
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        return (), ["rule: expected tables that begin with [[rule]]"]
    rules, faults = list[SelectionRule](), list[str]()
    for number, table in enumerate(tables, start=1):
        found = [f"rule {number}: {fault}" for fault in _key_faults(table) or _value_faults(table)]
        faults += found
        if not found:
            rules.append(_rule(table))
    return tuple(rules), faults


def _type_fault(key: str, value: object, expected: type) -> str:
    matches = isinstance(value, expected) and not isinstance(value, bool)
    if matches and isinstance(value, list):
        matches = all(isinstance(each, str) and each for each in value)
    return "" if matches else f"{key}: {value!r}; expected {_TYPE_NAMES[expected]}"


def _key_faults(table: Mapping[str, Any]) -> list[str]:
    faults = [
        f"{key}: unknown key; expected {', '.join(RULE_KEYS)}" for key in sorted(table.keys() - RULE_KEYS)
    ]
    types = (_type_fault(key, table[key], expected) for key, expected in RULE_KEYS.items() if key in table)
    faults += [fault for fault in types if fault]
    if not table.get("repositories"):
        faults.append('repositories: missing; expected patterns, such as ["shop/*"]')
    return faults


def _value_faults(table: Mapping[str, Any]) -> list[str]:
    faults = []
    for key in ("repositories", "tags", "exclude-repositories", "exclude-tags"):
        for pattern in table.get(key, []):
            try:
                compile_pattern(pattern)
            except re.error as error:
                faults.append(f"{key}: {pattern!r} is not a valid pattern: {error}")
    try:
        range_of(table.get("versions") or "*")
    except ValueError:
        faults.append(f"versions: {table['versions']!r}; expected a range, such as '>=1.2 <2'")
    if table.get("newest", 1) < 1:
        faults.append(f"newest: {table['newest']!r}; expected 1 or more")
    if table.get("order", Order.TIME) not in list(Order):
        faults.append(f"order: {table['order']!r}; expected time or version")
    for key in ("younger-than", "older-than"):
        if key in table and parse_span(table[key]) is None:
            faults.append(f"{key}: {table[key]!r}; expected a number with h, d or w, such as 90d")
    return faults


def parse_span(text: str) -> timedelta | None:
    """Return a time span such as `12h`, `90d` or `2w`; None for any other text."""
    found = re.fullmatch(r"(\d{1,6})([hdw])", text)
    return timedelta(seconds=int(found[1]) * _SECONDS[found[2]]) if found else None


def _rule(table: Mapping[str, Any]) -> SelectionRule:
    return SelectionRule(
        repositories=tuple(table["repositories"]),
        tags=tuple(table.get("tags") or ("*",)),
        versions=table.get("versions", ""),
        newest=table.get("newest", 0),
        order=Order(table.get("order", Order.TIME)),
        younger_than=parse_span(table.get("younger-than", "")),
        older_than=parse_span(table.get("older-than", "")),
        exclude_repositories=tuple(table.get("exclude-repositories", ())),
        exclude_tags=tuple(table.get("exclude-tags", ())),
    )

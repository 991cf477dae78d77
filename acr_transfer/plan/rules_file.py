"""Rules as a file or the command line says them, with every fault told at once.

A rules file is TOML: a tag such as 1.10 stays a text there, where other formats read a number.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from acr_transfer.errors import InputError
from acr_transfer.model.references import Artifact, InvalidReferenceError
from acr_transfer.model.text_files import read_text
from acr_transfer.plan.patterns import compiled
from acr_transfer.plan.rules import Order, Rule, Rules, range_of

_UNITS = {"h": 3600, "d": 86_400, "w": 604_800}


def read_rules(path: Path) -> Rules:
    """The rules in a TOML file. Raises one `InputError` that lists every fault, or `TextFileError`."""
    try:
        document = tomllib.loads(read_text(path, "rules file"))
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"rules {path} are not valid TOML: {error}") from None
    return parsed_rules(document, f"rules {path}")


_KEYS = {
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
_WORDS = {list: "a list of texts", str: "a text", int: "a number"}


def parsed_rules(document: Mapping[str, Any], what: str) -> Rules:
    """Rules from `artifacts`, `platforms` and `rule` tables; one `InputError` for all faults."""
    full = dict[str, None]()
    faults = [f"{key}: no such key; expected artifacts, platforms, rule" for key in _unknown(document)]
    artifacts, platforms = document.get("artifacts", []), document.get("platforms", [])
    for key, value in (("artifacts", artifacts), ("platforms", platforms)):
        faults += _wrong_type(key, value, list)
    if not _wrong_type("", artifacts, list) and not _wrong_type("", platforms, list):
        full, artifact_faults = _full_references(artifacts)
        faults += artifact_faults
        faults += [
            f"platforms: {text!r}; expected os/architecture[/variant], like linux/amd64"
            for text in platforms
            if not re.fullmatch(r"[a-z0-9]+/[a-z0-9_]+(/[a-z0-9]+)?", text)
        ]
    tables = document.get("rule", [])
    if not isinstance(tables, list):
        faults.append("rule: expected tables that begin with [[rule]]")
        tables = []
    rules = []
    for number, table in enumerate(tables, start=1):
        found = _rule_faults(table, f"rule {number}")
        faults += found
        if not found:
            rules.append(_rule(table))
    if faults:
        raise InputError(f"{what} cannot be used:\n  " + "\n  ".join(faults))
    return Rules(artifacts=tuple(full), rules=tuple(rules), platforms=tuple(platforms))


def _full_references(artifacts: Iterable[str]) -> tuple[dict[str, None], list[str]]:
    """The artifacts in full, each once, and the faults of the others."""
    full, faults = dict[str, None](), list[str]()
    for text in artifacts:
        try:
            full[Artifact.parse(text).reference] = None
        except InvalidReferenceError as error:
            faults.append(f"artifacts: {error}")
    return full, faults


def _unknown(document: Mapping[str, Any]) -> list[str]:
    return sorted(document.keys() - {"artifacts", "platforms", "rule"})


def _wrong_type(key: str, value: object, expected: type) -> list[str]:
    fits = isinstance(value, expected) and not isinstance(value, bool)
    if fits and isinstance(value, list):
        fits = all(isinstance(one, str) and one for one in value)
    return [] if fits else [f"{key}: {value!r}; expected {_WORDS[expected]}"]


def _rule_faults(table: Mapping[str, Any], where: str) -> list[str]:
    faults = [f"{where}: {key}: no such key; expected {', '.join(_KEYS)}" for key in table.keys() - _KEYS]
    for key, expected in _KEYS.items():
        if key in table:
            faults += [f"{where}: {fault}" for fault in _wrong_type(key, table[key], expected)]
    if not table.get("repositories"):
        faults.append(f'{where}: repositories: missing; expected patterns, like ["shop/*"]')
    if faults:
        return faults
    return [f"{where}: {fault}" for fault in _value_faults(table)]


def _value_faults(table: Mapping[str, Any]) -> list[str]:
    faults = []
    for key in ("repositories", "tags", "exclude-repositories", "exclude-tags"):
        for pattern in table.get(key, []):
            try:
                compiled(pattern)
            except re.error as error:
                faults.append(f"{key}: {pattern!r} is no pattern: {error}")
    try:
        range_of(table.get("versions") or "*")
    except ValueError:
        faults.append(f"versions: {table['versions']!r}; expected a range, like '>=1.2 <2'")
    if table.get("newest", 1) < 1:
        faults.append(f"newest: {table['newest']!r}; expected 1 or more")
    if table.get("order", Order.TIME) not in list(Order):
        faults.append(f"order: {table['order']!r}; expected time or version")
    for key in ("younger-than", "older-than"):
        if key in table and span(table[key]) is None:
            faults.append(f"{key}: {table[key]!r}; expected a number with h, d or w, like 90d")
    return faults


def span(text: str) -> timedelta | None:
    """A time span like `12h`, `90d` or `2w`; None for any other text."""
    found = re.fullmatch(r"(\d{1,6})([hdw])", text)
    return timedelta(seconds=int(found[1]) * _UNITS[found[2]]) if found else None


def _rule(table: Mapping[str, Any]) -> Rule:
    return Rule(
        repositories=tuple(table["repositories"]),
        tags=tuple(table.get("tags") or ("*",)),
        versions=table.get("versions", ""),
        newest=table.get("newest", 0),
        order=Order(table.get("order", Order.TIME)),
        younger_than=span(table.get("younger-than", "")),
        older_than=span(table.get("older-than", "")),
        exclude_repositories=tuple(table.get("exclude-repositories", ())),
        exclude_tags=tuple(table.get("exclude-tags", ())),
    )

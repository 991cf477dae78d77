"""Rules by which artifacts are chosen: patterns of repositories and tags, versions, the newest, age.

A rules file is TOML: a tag such as 1.10 stays a text there, where other formats read a number.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Any

from semantic_version import NpmSpec, Version

from transfer.errors import InputError
from transfer.lock import REFERENCE

_UNITS = {"h": 3600, "d": 86_400, "w": 604_800}
_MARK = "re:"


class Order(StrEnum):
    """What makes one tag newer than another."""

    TIME = "time"
    VERSION = "version"


@dataclass(frozen=True, kw_only=True)
class Rule:
    """Which tags of which repositories move: all conditions must hold, and of each list one pattern."""

    repositories: tuple[str, ...]
    tags: tuple[str, ...] = ("*",)
    versions: str = ""
    """A range of semantic versions, as npm writes them: `>=1.2 <2`, `^1.4`, `1.x || 2.x`."""

    newest: int = 0
    """So many of each repository, after all other conditions; 0: all."""

    order: Order = Order.TIME
    younger_than: timedelta | None = None
    older_than: timedelta | None = None
    exclude_repositories: tuple[str, ...] = ()
    exclude_tags: tuple[str, ...] = ()

    @property
    def needs_times(self) -> bool:
        """Whether the tags' times are asked for."""
        aged = self.younger_than is not None or self.older_than is not None
        return aged or bool(self.newest and self.order is Order.TIME)

    def takes_repository(self, name: str) -> bool:
        """Whether the rule looks at a repository at all."""
        return matches_any(self.repositories, name) and not matches_any(self.exclude_repositories, name)

    def fixed_repositories(self) -> list[str] | None:
        """The repositories, if the rule names them one by one: then none has to be looked for."""
        plain = [name for name in self.repositories if not set(name) & set("*?[:")]
        return plain if len(plain) == len(self.repositories) else None

    def takes_tag(self, tag: str) -> bool:
        """Whether the tag's name fits."""
        if not matches_any(self.tags, tag) or matches_any(self.exclude_tags, tag):
            return False
        if not self.versions:
            return True
        version = version_of(tag)
        return version is not None and version in _range(self.versions)

    def takes_age(self, time: datetime, now: datetime) -> bool:
        """Whether the tag's age fits."""
        if self.younger_than is not None and time < now - self.younger_than:
            return False
        return self.older_than is None or time <= now - self.older_than

    def newest_of(self, tags: Iterable[str], times: Mapping[str, datetime]) -> list[str]:
        """The newest ones, the same ones whatever order they come in; all if the rule sets no number."""

        # By version where times are equal, and by name at last: never by chance.
        def key(tag: str) -> tuple[Any, ...]:
            version = version_of(tag)
            ranked = (version is not None, version or Version("0.0.0"))
            time = times.get(tag, datetime.min.replace(tzinfo=UTC))
            return (*ranked, time, tag) if self.order is Order.VERSION else (time, *ranked, tag)

        ordered = sorted(tags, key=key, reverse=True)
        return ordered[: self.newest] if self.newest else ordered

    def __str__(self) -> str:
        return f"repositories {', '.join(self.repositories)}, tags {', '.join(self.tags)}"


@dataclass(frozen=True, kw_only=True)
class Rules:
    """Everything that is asked for."""

    artifacts: tuple[str, ...] = ()
    """Named one by one, `repository:tag` or `repository@sha256:…`; they must be there."""

    rules: tuple[Rule, ...] = ()
    platforms: tuple[str, ...] = ()
    """What images may run on, as `os/architecture[/variant]`; anything else is warned of."""

    registry: str = field(default="")


def matches_any(patterns: Sequence[str], text: str) -> bool:
    """Whether one of the patterns fits the whole text."""
    return any(_compiled(pattern).fullmatch(text) for pattern in patterns)


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> re.Pattern[str]:
    if pattern.startswith(_MARK):
        return re.compile(pattern.removeprefix(_MARK))
    return re.compile(_translated(pattern))


def _translated(glob: str) -> str:
    """A glob as an expression: `*` and `?` stop at a slash, `**` does not, `[a-c]` is one of these."""
    parts = re.split(r"(\*\*|\*|\?|\[!?[^\]/!]+\])", glob)
    known = {"**": ".*", "*": "[^/]*", "?": "[^/]"}
    return "".join(
        known.get(part) or (_class(part) if part[:1] == "[" and part[1:] else re.escape(part))
        for part in parts
    )


def _class(part: str) -> str:
    """`[abc]`, `[a-c]` or `[!abc]` as an expression; whatever else means something there is a character."""
    inner = part[1:-1]
    negative, inner = ("^", inner[1:]) if inner.startswith("!") else ("", inner)
    return f"[{negative}{''.join(one if one == '-' else re.escape(one) for one in inner)}]"


@lru_cache(maxsize=65536)
def version_of(tag: str) -> Version | None:
    """The semantic version that a tag stands for: `1.4.0`, `v1.4`, `2`; None for any other.

    https://semver.org
    """
    found = re.fullmatch(r"v?(\d+)(\.\d+)?(\.\d+)?([-+][0-9A-Za-z.+-]+)?", tag)
    if not found:
        return None
    numbers = [int(part.lstrip(".")) if part else 0 for part in found.groups()[:3]]
    try:
        return Version(".".join(map(str, numbers)) + (found[4] or ""))
    except ValueError:
        return None


@lru_cache(maxsize=64)
def _range(text: str) -> NpmSpec:
    return NpmSpec(text)


def read_rules(path: Path) -> Rules:
    """The rules in a TOML file. Raises one `InputError` that lists every fault."""
    try:
        document = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise InputError(f"rules {path} cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"rules {path} are no TOML: {error}") from None
    return parsed_rules(document, f"rules {path}")


def read_list(path: Path) -> list[str]:
    """Artifacts of a file, one a line; `#` begins a comment. Raises `InputError` if it cannot be read."""
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"list {path} cannot be read: {error}") from None
    return [text for line in lines if (text := line.partition("#")[0].strip())]


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
    faults = [f"{key}: no such key; expected artifacts, platforms, rule" for key in _unknown(document)]
    artifacts, platforms = document.get("artifacts", []), document.get("platforms", [])
    for key, value in (("artifacts", artifacts), ("platforms", platforms)):
        faults += _wrong_type(key, value, list)
    if not _wrong_type("", artifacts, list) and not _wrong_type("", platforms, list):
        faults += [_no_artifact(text) for text in artifacts if not _is_artifact(text)]
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
    full = tuple(dict.fromkeys(text if REFERENCE.fullmatch(text) else f"{text}:latest" for text in artifacts))
    return Rules(artifacts=full, rules=tuple(rules), platforms=tuple(platforms))


def _unknown(document: Mapping[str, Any]) -> list[str]:
    return sorted(document.keys() - {"artifacts", "platforms", "rule"})


def _is_artifact(text: str) -> bool:
    return bool(REFERENCE.fullmatch(text) or REFERENCE.fullmatch(f"{text}:latest"))


def _no_artifact(text: str) -> str:
    expected = "repository, repository:tag or repository@sha256:<64 hex digits>, without the registry"
    return f"artifacts: {text!r}; expected {expected}"


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
                _compiled(pattern)
            except re.error as error:
                faults.append(f"{key}: {pattern!r} is no pattern: {error}")
    try:
        _range(table.get("versions") or "*")
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

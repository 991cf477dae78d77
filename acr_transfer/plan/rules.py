"""Rules that select artifacts: patterns of repositories and tags, versions, the newest tags, and age.

They come from a TOML file, in which a quoted tag such as "1.10" stays text, or from the command line.
"""

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Self

import re2
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, Strict, ValidationError
from semantic_version import NpmSpec, Version

from acr_transfer.errors import InputError
from acr_transfer.file_reader import SETTINGS_BYTES, read_text
from acr_transfer.model.credentials import quoted
from acr_transfer.model.documents.faults import faults_of, with_faults
from acr_transfer.model.documents.fields import AnyText, Bounded, Expected, Form, Text, Whole, fault
from acr_transfer.model.references import Artifact, InvalidReferenceError

_GLOB_PART = re.compile(r"(\*\*|\*|\?|\[!?[^\]/!]+\])")
_WILDCARDS = {"**": ".*", "*": "[^/]*", "?": "[^/]"}
_SECONDS = {"h": 3600, "d": 86_400, "w": 604_800}
_SHOWN = 60
"""Characters of a pattern in a message."""

_LONGEST_RANGE = 1000
"""Characters of a range of versions."""

_LONG_KEY = re2.compile(r"""(?:(?:[A-Za-z0-9_-]+|"[^"\n]*"|'[^'\n]*')[ \t]*\.[ \t]*){32}""")
"""A dotted key of more parts than a rules file has: Python's TOML parser takes quadratic time for it."""


class Order(StrEnum):
    """The criterion by which one tag is newer than another."""

    TIME = "time"
    VERSION = "version"


def matches_any(patterns: Sequence[str], text: str) -> bool:
    """Whether one of the patterns matches the whole text.

    A pattern is a glob, or a regular expression behind `re:`.
    """
    return any(_compile(pattern).fullmatch(text) for pattern in patterns)


@lru_cache(maxsize=1024)
def _compile(pattern: str) -> Any:
    """The regular expression of a pattern, in linear time whatever it is. Raises `re2.error`."""
    options = re2.Options()
    options.log_errors = False
    return re2.compile(pattern[3:] if pattern.startswith("re:") else _translate(pattern), options)


def _translate(glob: str) -> str:
    """Translate a glob: `*` and `?` stop at a slash, `**` does not, `[a-c]` is one of these characters."""
    # The group makes `split` return plain text and glob parts in turn.
    parts = enumerate(_GLOB_PART.split(glob))
    return "".join(
        (_WILDCARDS.get(part) or _character_class(part)) if index % 2 else re.escape(part)
        for index, part in parts
    )


def _character_class(part: str) -> str:
    """Translate `[abc]`, `[a-c]` or `[!abc]`; special characters in it stand for themselves."""
    inner = part[1:-1]
    negation, inner = ("^", inner[1:]) if inner.startswith("!") else ("", inner)
    return f"[{negation}{''.join(each if each == '-' else re.escape(each) for each in inner)}]"


@lru_cache(maxsize=64)
def _range_of(text: str) -> NpmSpec:
    return NpmSpec(text or "*")


def _valid_range(text: str) -> str:
    if len(text) > _LONGEST_RANGE:
        raise ValueError
    _range_of(text)
    return text


def _valid_pattern(pattern: str) -> str:
    try:
        _compile(pattern)
    except UnicodeEncodeError:
        raise fault("is not a valid pattern: it is not UTF-8") from None
    except re2.error as error:
        # The library gives its messages in bytes.
        reason = error.args[0].decode(errors="replace")
        raise fault(f"({pattern[:_SHOWN]!r}) is not a valid pattern: {reason[:_SHOWN]}") from None
    return pattern


def _full_reference(text: str) -> str:
    try:
        return Artifact.parse_pinned(text).pinned_reference
    except InvalidReferenceError as error:
        raise fault(f"({quoted(text)}) {error.reason}") from None


def _time_span(value: object) -> timedelta:
    if isinstance(value, timedelta):
        return value
    found = re.fullmatch(r"([0-9]{1,6})([hdw])", value) if isinstance(value, str) else None
    if not found:
        raise ValueError
    return timedelta(seconds=int(found[1]) * _SECONDS[found[2]])


def _tables(value: object) -> object:
    if not isinstance(value, (list, tuple)) or not all(
        isinstance(each, (dict, SelectionRule)) for each in value
    ):
        raise fault("is not a list of tables; begin each with [[rule]]")
    return value


_Patterns = Annotated[tuple[Annotated[Text, AfterValidator(_valid_pattern)], ...], Bounded()]
_Versions = Annotated[str, Strict(), AfterValidator(_valid_range), Expected("a range, such as '>=1.2 <2'")]
_TimeSpan = Annotated[
    timedelta, BeforeValidator(_time_span), Expected("a number with h, d or w, such as 90d")
]
_Platform = Annotated[
    str,
    Form(r"[a-z0-9]+/[a-z0-9_]+(/[a-z0-9]+)?", "os/architecture[/variant], such as linux/amd64"),
]


class _Table(BaseModel):
    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        alias_generator=lambda name: name.replace("_", "-"),
        validate_by_name=True,
    )


class SelectionRule(_Table):
    """Selects tags of repositories: every condition must hold, and one pattern of each list must match."""

    repositories: Annotated[_Patterns, Field(min_length=1)]
    tags: Annotated[_Patterns, AfterValidator(lambda tags: tags or ("*",))] = ("*",)
    versions: _Versions = ""
    """A range of semantic versions in npm's syntax: `>=1.2 <2`, `^1.4`, `1.x || 2.x`."""

    newest: Annotated[int, Whole("a number, 1 or more", 1)] = 0
    """The number of tags in each repository, after all other conditions; 0: all."""

    order: Order = Order.TIME
    younger_than: _TimeSpan | None = None
    older_than: _TimeSpan | None = None
    exclude_repositories: _Patterns = ()
    exclude_tags: _Patterns = ()

    @property
    def needs_times(self) -> bool:
        """Whether the rule depends on the times of tags."""
        aged = self.younger_than is not None or self.older_than is not None
        return aged or bool(self.newest and self.order is Order.TIME)

    def takes_repository(self, name: str) -> bool:
        """Whether the rule applies to a repository."""
        return matches_any(self.repositories, name) and not matches_any(self.exclude_repositories, name)

    def fixed_repositories(self) -> list[str] | None:
        """The repositories, if the rule has no pattern and the registry need not list them; else None."""
        plain = [name for name in self.repositories if not set(name) & set("*?[:")]
        return plain if len(plain) == len(self.repositories) else None

    def takes_tag(self, tag: str) -> bool:
        """Whether the tag's name matches."""
        if not matches_any(self.tags, tag) or matches_any(self.exclude_tags, tag):
            return False
        if not self.versions:
            return True
        version = version_of(tag)
        return version is not None and version in _range_of(self.versions)

    def takes_age(self, time: datetime, now: datetime) -> bool:
        """Whether the tag's age matches."""
        age = now - time
        if self.younger_than is not None and age > self.younger_than:
            return False
        return self.older_than is None or age >= self.older_than

    def newest_of(self, tags: Iterable[str], times: Mapping[str, datetime]) -> list[str]:
        """Return the newest tags, or all if the rule sets no number; the order of `tags` has no effect."""

        # Tags of equal time are ordered by version, then by name with its numbers as numbers: versions that
        # differ in their build metadata alone are equal (https://semver.org/#spec-item-10).
        def key(tag: str) -> tuple[Any, ...]:
            version = version_of(tag)
            ranked = (version is not None, version or Version("0.0.0"))
            time = times.get(tag, datetime.min.replace(tzinfo=UTC))
            name = (_natural(tag), tag)
            return (*ranked, time, *name) if self.order is Order.VERSION else (time, *ranked, *name)

        ordered = sorted(tags, key=key, reverse=True)
        return ordered[: self.newest] if self.newest else ordered

    def __str__(self) -> str:
        return f"repositories {', '.join(self.repositories)}, tags {', '.join(self.tags)}"


class SelectionRules(_Table):
    """All rules of one plan."""

    artifacts: Annotated[tuple[Annotated[AnyText, AfterValidator(_full_reference)], ...], Bounded()] = ()
    """References, `repository:tag` or `repository@sha256:…`, which must exist.

    Also `repository:tag@sha256:…`, a tag that must have this digest.
    """

    rules: Annotated[tuple[SelectionRule, ...], Bounded(), BeforeValidator(_tables)] = Field(
        default=(), validation_alias="rule"
    )
    platforms: Annotated[tuple[_Platform, ...], Bounded()] = ()
    """The requested platforms, as `os/architecture[/variant]`; others cause a warning."""

    @property
    def named(self) -> list[Artifact]:
        """The artifacts, with the digests that their tags must have."""
        return list(map(Artifact.parse_pinned, self.artifacts))

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a TOML file. Raises one `InputError` with all faults, or `TextFileError`."""
        return cls.parse(_toml(read_text(path, "rules file", limit=SETTINGS_BYTES), path), f"rules {path}")

    @classmethod
    def parse(cls, document: Mapping[str, Any], source: str) -> Self:
        """Read `artifacts`, `platforms` and `rule` tables; `source` names them in messages.

        Raises one `InputError` with all faults.
        """
        try:
            return cls.model_validate(document, by_alias=True, by_name=False)
        except ValidationError as error:
            faults = [_with_rule_number(each) for each in faults_of(error)]
            raise InputError(with_faults(f"{source} cannot be used:", faults)) from None


def _toml(text: str, path: Path) -> dict[str, Any]:
    if _LONG_KEY.search(text):
        raise InputError(f"rules {path} are not valid TOML: a key has more than 32 parts")
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise InputError(f"rules {path} are not valid TOML: nested too deeply") from None
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"rules {path} are not valid TOML: {error}") from None
    except ValueError:
        raise InputError(f"rules {path} are not valid TOML: a number has too many digits") from None


def _with_rule_number(fault: str) -> str:
    """The fault with the number of its rule, counted from 1, and the expected keys for an unknown one."""
    if fault.endswith(" is an unknown key"):
        keys = SelectionRule.model_fields if fault.startswith("rule[") else ("artifacts", "platforms", "rule")
        fault += f"; expected {', '.join(keys).replace('_', '-')}"
    return re.sub(r"^rule\[(\d+)\]\.?", lambda found: f"rule {int(found[1]) + 1}: ", fault)


@lru_cache(maxsize=65536)
def version_of(tag: str) -> Version | None:
    """Return the semantic version of a tag such as `1.4.0`, `v1.4` or `2`; None for any other tag.

    A tag cannot hold the `+` before build metadata (https://semver.org); Helm writes `_` for it:
    `104.1.0_up1.2.3` is 104.1.0+up1.2.3 (https://helm.sh/docs/topics/registries/).
    """
    found = re.fullmatch(r"v?(\d+)(\.\d+)?(\.\d+)?([-_][0-9A-Za-z._-]+)?", tag)
    if not found:
        return None
    numbers = [int(part.lstrip(".")) if part else 0 for part in found.groups()[:3]]
    try:
        return Version(".".join(map(str, numbers)) + (found[4] or "").replace("_", "+", 1))
    except ValueError:
        return None


def _natural(text: str) -> tuple[tuple[bool, int, str], ...]:
    """A key that orders texts with the numbers in them as numbers: `up1.9` before `up1.10`."""
    return tuple(
        (part.isdigit(), int(part) if part.isdigit() else 0, part) for part in re.split(r"(\d+)", text)
    )

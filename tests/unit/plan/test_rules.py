"""Rules: the tags that they select, and the faults that are reported before any request."""

import asyncio
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acr_transfer.errors import InputError
from acr_transfer.plan.rules import Order, SelectionRule, SelectionRules, matches_any, version_of
from acr_transfer.plan.selection import Selection, select
from tests.unit.registry.memory_registry import MemoryRegistry, image

NOW = datetime(2026, 11, 24, tzinfo=UTC)


def selected(registry: MemoryRegistry, *rules: SelectionRule, artifacts: tuple[str, ...] = ()) -> Selection:
    return asyncio.run(select(SelectionRules(artifacts=artifacts, rules=rules), registry, NOW))


@pytest.mark.parametrize(
    ("pattern", "text", "fits"),
    [
        ("shop/*", "shop/web", True),
        ("shop/*", "shop/a/web", False),
        ("shop/**", "shop/a/web", True),
        ("**", "shop/a/web", True),
        ("**/web", "shop/a/web", True),
        ("shop/web", "shop/web2", False),
        ("shop/we?", "shop/web", True),
        ("shop?web", "shop/web", False),
        ("v[0-3]*", "v2.1", True),
        ("v[!0-3]*", "v2.1", False),
        ("1.*", "1x0", False),
        ("1.+(x)", "1.+(x)", True),
        (r"re:v\d+", "v12", True),
        (r"re:v\d+", "v12-rc", False),
        ("re:(a|b)/.*", "b/c/d", True),
        ("re:[+--]", "-", True),
        ("[ab", "[ab", True),
        ("[ab", "a", False),
    ],
)
def test_a_pattern_matches_the_whole_name(pattern: str, text: str, fits: bool) -> None:
    assert matches_any([pattern], text) is fits


@given(st.text("ab/.*?[]!-re:\\", max_size=10), st.text("ab/.", max_size=8))
def test_every_text_is_a_valid_pattern_or_a_fault(pattern: str, text: str) -> None:
    found = rules_or_faults({"rule": [{"repositories": [pattern]}]}) if pattern else "not a valid pattern"
    if isinstance(found, SelectionRules):
        assert matches_any([pattern, "**"], text)
    else:
        assert "not a valid pattern" in found


def rules_or_faults(document: dict[str, Any]) -> SelectionRules | str:
    try:
        return SelectionRules.parse(document, "rules")
    except InputError as error:
        return str(error)


@pytest.mark.parametrize(
    ("tag", "version"),
    [
        ("1.4.0", "1.4.0"),
        ("v1.4", "1.4.0"),
        ("2", "2.0.0"),
        ("01.02", "1.2.0"),
        ("1.4.0-rc.1", "1.4.0-rc.1"),
        ("1.4.0_1", "1.4.0+1"),
        ("104.1.0_up1.2.3", "104.1.0+up1.2.3"),
        ("1.4.0-rc.1_up2", "1.4.0-rc.1+up2"),
        ("1.4.0_up1_2", None),
        ("latest", None),
        ("1.2.3.4", None),
    ],
)
def test_a_tag_can_be_a_version(tag: str, version: str | None) -> None:
    found = version_of(tag)
    assert (str(found) if found else None) == version


def test_a_range_of_versions_selects_tags() -> None:
    rule = SelectionRule(repositories=("**",), versions=">=1.2 <2")
    taken = [tag for tag in ("1.1.9", "1.2", "v1.10", "1.9.9-rc1", "2.0", "latest") if rule.takes_tag(tag)]
    assert taken == ["1.2", "v1.10"]


def test_a_chart_has_its_version_although_its_tag_has_an_underscore_for_the_plus() -> None:
    tags = ["104.0.0_up1.10.0", "104.0.0_up1.9.0", "103.9.9_up2.0.0", "105.0.0_up0.1.0"]
    ranged = SelectionRule(repositories=("**",), versions=">=104 <105")
    assert [tag for tag in tags if ranged.takes_tag(tag)] == tags[:2]
    newest = SelectionRule(repositories=("**",), newest=3, order=Order.VERSION)
    assert newest.newest_of(tags, {}) == ["105.0.0_up0.1.0", "104.0.0_up1.10.0", "104.0.0_up1.9.0"]


def test_a_rule_selects_by_patterns_and_exclusions() -> None:
    registry = MemoryRegistry()
    for repository in ("shop/web", "shop/test-web", "data/model"):
        for tag in ("1.0", "2.0", "2.0-debug"):
            registry.put(repository, image(f"{repository}{tag}"), tag)
    rule = SelectionRule(
        repositories=("shop/*",),
        exclude_repositories=("shop/test-*",),
        tags=("2.*",),
        exclude_tags=("*-debug",),
    )
    assert selected(registry, rule).references == ["shop/web:2.0"]


def test_the_catalog_is_not_read_for_named_repositories() -> None:
    registry = MemoryRegistry()
    registry.put("shop/web", image("one"), "1.0")
    assert selected(registry, SelectionRule(repositories=("shop/web",))).references == ["shop/web:1.0"]
    assert not registry.requests["catalog"]


def test_tags_that_say_what_refers_to_a_digest_are_not_selected() -> None:
    registry = MemoryRegistry()
    one = image("one")
    registry.put("app", one, "1.0", one.digest.replace(":", "-"), one.digest.replace(":", "-") + ".sig")
    assert selected(registry, SelectionRule(repositories=("**",))).references == ["app:1.0"]


@pytest.mark.parametrize(
    ("order", "expected"),
    [(Order.TIME, ["app:1.2.0", "app:1.9.0"]), (Order.VERSION, ["app:1.10.0", "app:1.9.0"])],
)
def test_the_newest_tags_are_found_by_time_or_by_version(order: Order, expected: list[str]) -> None:
    registry = MemoryRegistry(has_times=True)
    for day, tag in enumerate(("1.10.0", "1.9.0", "1.2.0", "latest"), start=1):
        registry.put("app", image(tag), tag)
        registry.times["app", tag] = f"2026-11-{day:02}T00:00:00.1234567Z"
    registry.times["app", "latest"] = "2026-01-01T00:00:00Z"
    found = selected(registry, SelectionRule(repositories=("app",), newest=2, order=order))
    assert found.references == sorted(expected)


@pytest.mark.parametrize(
    ("younger", "older", "expected"),
    [(3, None, ["app:2", "app:3"]), (None, 3, ["app:10", "app:3", "app:never"]), (5, 3, ["app:3"])],
)
def test_age_is_counted_from_a_moment(younger: int | None, older: int | None, expected: list[str]) -> None:
    registry = MemoryRegistry(has_times=True)
    for days in (2, 3, 10):
        registry.put("app", image(str(days)), str(days))
        registry.times["app", str(days)] = (NOW - timedelta(days=days)).isoformat()
    registry.put("app", image("never"), "never")
    spans = [timedelta(days=days) if days else None for days in (younger, older)]
    rule = SelectionRule(repositories=("app",), younger_than=spans[0], older_than=spans[1])
    assert selected(registry, rule).references == expected


def test_without_tag_times_the_image_annotation_counts() -> None:
    registry = MemoryRegistry()
    for year in (2024, 2025, 2026):
        made = {"org.opencontainers.image.created": f"{year}-01-01T00:00:00Z"}
        registry.put("app", image(str(year), annotations=made), f"x{year}")
    assert selected(registry, SelectionRule(repositories=("app",), newest=1)).references == ["app:x2026"]


@given(
    st.lists(st.sampled_from(["1.0", "v1", "2", "1.0.1", "x", "y", "1.0-rc1"]), unique=True),
    st.integers(1, 5),
    st.randoms(),
)
def test_the_newest_do_not_depend_on_the_order_of_the_list(tags: list[str], newest: int, chance: Any) -> None:
    rule = SelectionRule(repositories=("**",), newest=newest)
    first = rule.newest_of(tags, {})
    shuffled = list(tags)
    chance.shuffle(shuffled)
    assert rule.newest_of(shuffled, {}) == first
    assert len(first) == min(newest, len(tags))


def test_rules_without_a_match_are_reported() -> None:
    registry = MemoryRegistry()
    registry.put("app", image("one"), "1.0")
    found = selected(
        registry, SelectionRule(repositories=("shop/*",)), SelectionRule(repositories=("app",), tags=("2*",))
    )
    assert found.without_repositories == ["repositories shop/*, tags *: no repository matches"]
    assert found.without_tags == ["repositories app, tags 2*: no tag matches"]


RULES = """
artifacts = ["tools/probe:1.0", "tools/probe"]
platforms = ["linux/amd64", "linux/arm/v7"]

[[rule]]
repositories = ["shop/*"]
exclude-repositories = ["shop/test-*"]
versions = ">=1.2 <2"
newest = 3
order = "version"

[[rule]]
repositories = ['re:data/.+']
tags = ["*-build*"]
exclude-tags = ["*nightly*"]
younger-than = "14d"
older-than = "12h"
"""


def test_a_rules_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "rules.toml").write_text(RULES)
    rules = SelectionRules.read(tmp_path / "rules.toml")
    assert rules.artifacts == ("tools/probe:1.0", "tools/probe:latest")
    first, second = rules.rules
    assert (first.newest, first.order, first.versions) == (3, Order.VERSION, ">=1.2 <2")
    assert (second.younger_than, second.older_than) == (timedelta(days=14), timedelta(hours=12))


def test_the_example_in_the_docs_is_a_rules_file(checkout: Path, tmp_path: Path) -> None:
    text = (checkout / "docs/plan.md").read_text()
    (tmp_path / "rules.toml").write_text(text.split("```toml\n")[1].split("```")[0])
    assert len(SelectionRules.read(tmp_path / "rules.toml").rules) == 2


HOSTILE = {
    'rule = ["shop/*"]': "rule is not a list of tables; begin each with [[rule]]",
    "rule = [1]": "rule is not a list of tables",
    f'[[rule]]\nrepositories = ["re:{"(" * 20_000}"]': "is not a valid pattern: missing )",
    f'[[rule]]\nrepositories = ["a"]\nversions = "{"1.x||" * 1000}"': "expected a range",
    f"newest = {'9' * 5000}": "not valid TOML: a number has too many digits",
    f"artifacts = {'[' * 5000}": "not valid TOML: nested too deeply",
    f"{'a.' * 400_000}a = 1": "not valid TOML: a key has more than 32 parts",
    f"artifacts = [{'1, ' * 300_000}]": "artifacts has 100 faulty entries or more",
    f"{'a' * 100_000} = 1": "is an unknown key",
    '[[rule]]\nrepositories = ["re:(?=a)b"]': "invalid perl operator",
}


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_rules_file_is_refused_with_a_short_reason(text: str, tmp_path: Path) -> None:
    path = tmp_path / "rules.toml"
    path.write_text(text)
    with pytest.raises(InputError, match=re.escape(HOSTILE[text])) as refused:
        SelectionRules.read(path)
    assert len(str(refused.value)) < 5000


def test_no_pattern_and_no_span_takes_long_or_fails() -> None:
    """Python's own expressions would take years for these patterns."""
    rule = SelectionRule.model_validate(
        {"repositories": ["re:(a+)+b", f"{'*a' * 60}b"], "younger-than": "999999w", "older-than": "999999w"}
    )
    assert not rule.takes_repository("a" * 255)
    assert not rule.takes_age(datetime.max.replace(tzinfo=UTC), datetime.min.replace(tzinfo=UTC))
    assert not rule.takes_age(datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))


def test_one_error_lists_all_faults_of_the_rules() -> None:
    document = {
        "artefacts": [],
        "artifacts": ["Shop/Web", "host.azurecr.io/x@sha256:1"],
        "platforms": ["amd64"],
        "rule": [
            {
                "repositories": ["("],
                "versions": "about 1",
                "newest": 0,
                "order": "size",
                "younger-than": "soon",
            },
            {"tags": ["re:("]},
            {"repositories": "app", "newst": 1, "newest": True},
            {"repositories": ["re:("]},
        ],
    }
    with pytest.raises(InputError) as refused:
        SelectionRules.parse(document, "rules x")
    for words in (
        "artefacts is an unknown key; expected artifacts, platforms, rule",
        "artifacts[0] ('Shop/Web')",
        'platforms[0] is "amd64"; expected os/architecture[/variant]',
        'rule 1: versions is "about 1"; expected a range',
        "rule 1: newest is 0; expected a number, 1 or more",
        "rule 1: order is \"size\"; expected 'time' or 'version'",
        'rule 1: younger-than is "soon"; expected a number with h, d or w',
        "rule 2: repositories is missing",
        "rule 3: newst is an unknown key; expected repositories, tags",
        'rule 3: repositories is "app"; expected a list',
        "rule 3: newest is true",
        "rule 4: repositories[0] ('re:(') is not a valid pattern",
    ):
        assert words in str(refused.value)


@pytest.mark.parametrize("content", ["rule = 1", "x = [", "[rule]\nrepositories = ['a']"])
def test_an_invalid_rules_file_is_an_error(content: str, tmp_path: Path) -> None:
    (tmp_path / "rules.toml").write_text(content)
    with pytest.raises(InputError, match="rules "):
        SelectionRules.read(tmp_path / "rules.toml")


@pytest.mark.parametrize(
    ("text", "expected"),
    [("12h", timedelta(hours=12)), ("2w", timedelta(days=14)), ("1", None), ("d", None), ("-1d", None)],
)
def test_a_time_span_is_a_number_and_a_unit(text: str, expected: timedelta | None) -> None:
    found = rules_or_faults({"rule": [{"repositories": ["app"], "older-than": text}]})
    assert (found.rules[0].older_than if isinstance(found, SelectionRules) else None) == expected


@pytest.mark.parametrize(
    "document",
    [
        {"rules": []},
        {"rule": [{"repositories": ["app"], "older_than": "1d"}]},
        {"rule": [{"repositories": []}]},
        {"rule": [{"repositories": ["app"], "tags": [""]}]},
        {"rule": [{"repositories": ["app"], "older-than": 5}]},
        {"rule": {"repositories": ["app"]}},
    ],
)
def test_keys_and_values_must_be_as_documented(document: dict[str, Any]) -> None:
    assert isinstance(rules_or_faults(document), str)

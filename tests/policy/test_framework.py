"""The framework of all rules: unknown values, types, errors in a rule."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pulumi_policy import ResourceValidationArgs
from pulumi_policy.proxy import UNKNOWN_NUMBER_VALUE, UnknownValueError, unknown_checking_proxy

from policy.framework.pack import evaluate
from policy.framework.properties import MISSING, UNKNOWN, peek, plain
from policy.framework.resource_types import ANY, DIAGNOSTIC_SETTING, EXPORT_PIPELINE, TypePattern
from policy.framework.resources import Violation
from tests.policy import tables

PROPS = {"a": {"b": [1, {"c": UNKNOWN_NUMBER_VALUE}, None]}, "gone": None, "later": UNKNOWN_NUMBER_VALUE}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("a.b", [1, {"c": UNKNOWN}, None]),
        ("a.x", MISSING),
        ("a.b.c", MISSING),
        ("gone", MISSING),
        ("gone.too", MISSING),
        ("later", UNKNOWN),
        ("later.deeper", UNKNOWN),
    ],
)
def test_reading_distinguishes_a_missing_value_from_an_unknown_one(path: str, expected: object) -> None:
    for properties in (unknown_checking_proxy(PROPS), plain(PROPS), PROPS):
        assert peek(properties, path) == expected


@pytest.mark.parametrize(
    ("kind", "resource_type", "same"),
    [
        (EXPORT_PIPELINE, "azure-native:containerregistry:ExportPipeline", True),
        (EXPORT_PIPELINE, "azure-native:containerregistry/v20230101preview:ExportPipeline", True),
        (
            EXPORT_PIPELINE,
            "azure-native_containerregistry_v20250601preview:containerregistry:ExportPipeline",
            True,
        ),
        (EXPORT_PIPELINE, "azure-native:containerregistry:ExportPipelineRun", False),
        (EXPORT_PIPELINE, "azure:containerregistry:ExportPipeline", False),
        (EXPORT_PIPELINE, "azure-native_storage_v20240101:containerregistry:ExportPipeline", False),
        (DIAGNOSTIC_SETTING, "azure-native:insights/v20210501preview:DiagnosticSetting", True),
        (DIAGNOSTIC_SETTING, "azure-native:monitor:DiagnosticSetting", True),
        (ANY, "my:own:Component", True),
    ],
)
def test_a_type_matches_its_names_in_every_package_of_azure_native(
    kind: TypePattern, resource_type: str, same: bool
) -> None:
    assert bool(kind.fullmatch(resource_type)) is same


def raising(error: Exception, *before: Violation) -> Iterator[Violation]:
    yield from before
    raise error


def test_an_error_in_a_rule_is_reported_by_its_type_beside_earlier_violations() -> None:
    known = Violation("main", "urn", "found before")
    found = evaluate("some-rule", lambda: raising(ValueError("?sig=secret"), known))
    assert [each.what for each in found] == [
        "policy some-rule could not be evaluated: ValueError",
        "found before",
    ]


def not_applicable() -> Iterator[Violation]:
    resource = tables.Resource("some:type:Name")
    args: ResourceValidationArgs = tables.arguments(resource, {})
    args.not_applicable("a reason")
    yield Violation("", "", "never")


def test_signals_of_the_sdk_reach_the_engine() -> None:
    with pytest.raises(UnknownValueError):
        evaluate("some-rule", lambda: raising(UnknownValueError(UNKNOWN_NUMBER_VALUE, ["later"])))
    with pytest.raises(Exception, match=r"^$") as raised:
        evaluate("some-rule", not_applicable)
    assert raised.type.__name__ == "_NotApplicableError"


def test_violations_are_listed_once_and_in_order() -> None:
    twice = [Violation("b", "", "x"), Violation("a", "", "y"), Violation("b", "", "x")]
    assert evaluate("some-rule", lambda: iter(twice)) == [twice[1], twice[0]]

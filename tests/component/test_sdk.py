"""The undocumented parts of Pulumi's SDK still do what `components.sdk` needs, in the version that is
pinned."""

from __future__ import annotations

from importlib.metadata import version
from typing import NotRequired, TypedDict

import pytest
from pulumi import ErrorHookArgs, Output

from components import sdk
from tests.component.mock_azure import Deploy


class Part(TypedDict):
    """A part."""

    size: int
    """The size
    in bytes."""


class Whole(Part):
    """A whole."""

    name: NotRequired[str]
    """The name."""


def test_the_sdk_is_the_version_that_these_tests_were_written_for() -> None:
    # For another version, read the changes of the modules that components/sdk.py imports first.
    assert version("pulumi") == "3.272.0"


def test_hooks_of_components_with_the_same_name_have_different_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sdk, "monitor_supports_feature", lambda feature: True)
    hooks = [sdk.error_hooks("transfer-run", lambda failure: None)[0] for _ in range(2)]
    assert len({hook.name for hook in hooks}) == 2


def test_a_hook_reports_and_requests_no_retry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sdk, "monitor_supports_feature", lambda feature: True)
    reported: list[str] = []
    (hook,) = sdk.error_hooks("transfer-run", lambda failure: reported.append(failure.name))
    failure = ErrorHookArgs("urn", "", "web", "type")
    assert hook.callback(failure) is False
    assert reported == ["web"]


def test_an_engine_without_hooks_gets_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sdk, "monitor_supports_feature", lambda feature: False)
    assert sdk.error_hooks("transfer-run", lambda failure: None) == []


def test_descriptions_of_inherited_arguments_are_found() -> None:
    assert sdk.descriptions(Whole) == {"size": "The size in bytes.", "name": "The name."}


def test_the_first_known_value_counts(deploy: Deploy) -> None:
    first, second = Output.from_input("first"), Output.from_input("second")
    assert deploy(lambda: sdk.known_if(first, second, first)).value == "first"


def test_a_failed_output_is_settled_too(deploy: Deploy) -> None:
    async def ended() -> str:
        await sdk.settled(Output.from_input("value").apply(lambda text: text[99]))
        return "ended"

    with pytest.raises(IndexError):
        deploy(ended)
    assert deploy.last.value == "ended"

"""Hooks that hear of failures."""

from __future__ import annotations

import pytest
from pulumi import ErrorHookArgs

from components import error_hooks


def test_components_that_are_named_alike_have_hooks_that_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(error_hooks, "monitor_supports_feature", lambda feature: True)
    hooks = [error_hooks.error_hooks("transfer-run", lambda failure: None)[0] for _ in range(2)]
    assert len({hook.name for hook in hooks}) == 2


def test_a_hook_tells_and_asks_for_no_other_try(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(error_hooks, "monitor_supports_feature", lambda feature: True)
    told: list[str] = []
    (hook,) = error_hooks.error_hooks("transfer-run", lambda failure: told.append(failure.name))
    failure = ErrorHookArgs("urn", "", "web", "type")
    assert hook.callback(failure) is False
    assert told == ["web"]


def test_an_engine_without_hooks_gets_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(error_hooks, "monitor_supports_feature", lambda feature: False)
    assert error_hooks.error_hooks("transfer-run", lambda failure: None) == []

"""The stack's configuration reaches the rules, with the keys of encrypted values."""

from __future__ import annotations

import pytest
from pulumi.runtime.proto import analyzer_pb2
from pulumi_policy.policy import _PolicyAnalyzerServicer

from policy.framework import stack_config
from policy.rules.catalogue import ALL
from tests.policy.tables import Resource, bad, messages
from tests.unit.model.test_credentials import TOKEN

RULE = next(rule for rule in ALL if rule.name == "no-sas-in-config")
URL = f"https://cargo.blob.core.windows.net/transfer?{TOKEN}"


class Servicer(_PolicyAnalyzerServicer):
    """The SDK's servicer without its constructor."""

    def __init__(self) -> None: ...

    @property
    def stack_tags(self) -> dict[str, str]:
        return dict(self._PolicyAnalyzerServicer__stack_tags)  # type: ignore[attr-defined]


@pytest.fixture
def servicer(monkeypatch: pytest.MonkeyPatch) -> Servicer:
    monkeypatch.setattr(stack_config, "_received", [])
    stack_config.record_stack_config(Servicer)
    return Servicer()


def test_a_value_counts_as_plain_text_unless_the_engine_reports_it_as_encrypted(servicer: Servicer) -> None:
    config = {"a:clear": URL, "a:encrypted": URL, "a:container": "transfer"}
    request = analyzer_pb2.AnalyzerStackConfigureRequest(
        config=config, config_secret_keys=["a:encrypted"], tags={"team": "images"}
    )
    servicer.ConfigureStack(request, None)
    [message] = messages(RULE, bad(Resource("pulumi:pulumi:Stack"), finds=["a:clear"]))
    assert "Configuration 'a:clear' contains a SAS token in plain text." in message
    assert TOKEN not in message


def test_the_sdk_still_receives_the_configuration(servicer: Servicer) -> None:
    servicer.ConfigureStack(analyzer_pb2.AnalyzerStackConfigureRequest(tags={"team": "images"}), None)
    assert servicer.stack_tags == {"team": "images"}

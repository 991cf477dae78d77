"""What the engine tells of the stack's configuration reaches the rules."""

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


class Answering(_PolicyAnalyzerServicer):
    """What the SDK answers the engine with, without its constructor."""

    def __init__(self) -> None: ...

    @property
    def stack_tags(self) -> dict[str, str]:
        return dict(self._PolicyAnalyzerServicer__stack_tags)  # type: ignore[attr-defined]


@pytest.fixture
def answering(monkeypatch: pytest.MonkeyPatch) -> Answering:
    monkeypatch.setattr(stack_config, "_received", [])
    stack_config.record_stack_config(Answering)
    return Answering()


def test_a_setting_is_in_clear_unless_the_engine_says_that_it_is_encrypted(answering: Answering) -> None:
    config = {"a:clear": URL, "a:encrypted": URL, "a:container": "transfer"}
    request = analyzer_pb2.AnalyzerStackConfigureRequest(
        config=config, config_secret_keys=["a:encrypted"], tags={"team": "images"}
    )
    answering.ConfigureStack(request, None)
    [message] = messages(RULE, bad(Resource("pulumi:pulumi:Stack"), finds=["a:clear"]))
    assert "Configuration 'a:clear' contains a SAS token in plain text." in message
    assert TOKEN not in message


def test_the_sdk_is_received_as_before(answering: Answering) -> None:
    answering.ConfigureStack(analyzer_pb2.AnalyzerStackConfigureRequest(tags={"team": "images"}), None)
    assert answering.stack_tags == {"team": "images"}

"""Pipeline runs are read as Resource Manager lists them."""

from __future__ import annotations

from typing import Any

import pytest

from acr_transfer.operate.runs import PipelineRun


@pytest.mark.parametrize(
    ("properties", "status", "name"),
    [
        ({"provisioningState": "Succeeded", "response": {"status": "Succeeded"}}, "Succeeded", ""),
        ({"provisioningState": "Succeeded", "response": {"status": "Running"}}, "Running", ""),
        ({"provisioningState": "Failed", "response": {"status": "Running"}}, "Failed", ""),
        ({"provisioningState": "Succeeded", "response": {"status": "Canceled"}}, "Canceled", ""),
        ({"request": {"source": {"name": "a/b"}, "target": {"name": ""}}}, "Unknown", "a/b"),
        ({"response": {"source": {"uri": "https://h/transfer/a/b%20c"}}}, "Unknown", "a/b c"),
        ({}, "Unknown", ""),
    ],
)
def test_a_run_is_read_as_azure_writes_it(properties: dict[str, Any], status: str, name: str) -> None:
    read = PipelineRun.parse({"id": "/i", "name": "n", "properties": properties}, "https://h/transfer")
    assert (read.state, read.blob) == (status, name)

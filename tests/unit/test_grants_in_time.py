"""Role assignments that take effect at an inconvenient moment."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from sandbox.storage import blobs
from sandbox.storage.azurite import Azurite


def test_a_role_assignment_that_takes_effect_during_an_update_of_storage_causes_another_update(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now, sent = [100.0], []
    pending = {
        "sandbox": {"since": 100.05},
        "properties": {"roleDefinitionId": "", "principalId": "", "scope": ""},
    }
    faults = SimpleNamespace(time=lambda: now[0], grants=2.0)
    cloud: Any = SimpleNamespace(faults=faults, resources=SimpleNamespace(of_type=lambda _: [pending]))
    azurite = Azurite(cloud)

    async def send(_: Any) -> None:
        now[0] = 101.0
        sent.append(now[0])

    async def no_line(*_: str) -> None:
        pass

    async def renew() -> None:
        await azurite.renew()
        await asyncio.sleep(0.3)

    monkeypatch.setattr(blobs, "state", lambda *_: {})
    monkeypatch.setattr(azurite, "_send", send)
    monkeypatch.setattr(azurite, "_await_line", no_line)
    asyncio.run(renew())
    assert len(sent) == 2

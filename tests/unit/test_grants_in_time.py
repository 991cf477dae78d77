"""No grant is forgotten that comes into force at the wrong moment."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from sandbox.storage import blobs


def test_a_grant_that_comes_into_force_while_storage_is_told_is_told_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [100.0]
    waiting = {"sandbox": {"since": 100.5}}
    faults = SimpleNamespace(time=lambda: now[0], grants=2.0)
    spawned: list[asyncio.Task[None]] = []
    cloud: Any = SimpleNamespace(
        faults=faults, store=SimpleNamespace(of_type=lambda _: [waiting]), spawn=spawned.append
    )

    async def told(_: Any) -> None:
        now[0] = 101.0

    async def granted() -> None:
        await blobs.renew_grants(cloud)
        for task in spawned:
            task.cancel()

    monkeypatch.setattr(blobs, "renew", told)
    asyncio.run(granted())
    assert len(spawned) == 1

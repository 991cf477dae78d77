"""The key that signs links is renewed before it expires, and a renewal that fails is not hidden."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest
from azure.core.exceptions import ServiceRequestError

from acr_transfer.azure import containers
from acr_transfer.azure.containers import _DelegationKeys
from acr_transfer.azure.throttle import Throttle


class Keys(_DelegationKeys):
    """Requests keys from a list instead of a service; None fails."""

    def __init__(self, *keys: str | None) -> None:
        super().__init__("https://account.example", None, Throttle())  # type: ignore[arg-type]
        self.left = list(keys)

    async def _requested(self, now: datetime) -> Any:
        await asyncio.sleep(0)
        if (key := self.left.pop(0)) is None:
            raise ServiceRequestError("no response")
        return key


def test_a_key_is_requested_once_for_all_blobs() -> None:
    async def use() -> list[Any]:
        keys = Keys("first", "second")
        return await asyncio.gather(*(keys.current() for _ in range(9)))

    assert asyncio.run(use()) == ["first"] * 9


def test_a_failed_renewal_fails_and_the_old_key_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async def use() -> None:
        keys: Any = Keys("first", None, None, "second")
        assert await keys.current() == "first"
        # The key no longer lasts as long as a link.
        monkeypatch.setattr(containers, "_LINK_LIFETIME", timedelta(hours=7))
        for _ in range(2):
            with pytest.raises(ServiceRequestError):
                await keys.current()
        assert await keys.current() == "second"

    asyncio.run(use())

"""The client of Azure's control endpoints follows no redirect and reads no more than its limits allow."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace

import pytest

from acr_transfer import retry
from acr_transfer.azure import http_session as module
from acr_transfer.azure.http_session import http_session
from acr_transfer.errors import ServiceError
from acr_transfer.http_requests import HttpAnswer
from tests.fuzz.hostile_registry import HostileRegistry
from tests.fuzz.registry_faults import BY_ENDPOINT, SLOW


@pytest.fixture(scope="module")
def server() -> Iterator[HostileRegistry]:
    with HostileRegistry() as found:
        yield found


def ask(server: HostileRegistry, monkeypatch: pytest.MonkeyPatch) -> HttpAnswer:
    """Send a request with a token."""
    monkeypatch.setattr(module, "LIMITS", replace(module.LIMITS, body=1_000_000, idle=0.4, total=0.8))
    monkeypatch.setattr(retry, "_LONGEST_BACKOFF", 0.0)

    async def request() -> HttpAnswer:
        async with http_session() as http:
            return await http.request(
                "GET", f"http://{server.host}/token", {"Authorization": "Bearer CANARY"}
            )

    return asyncio.run(request())


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed(
    status: int, server: HostileRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    with server.hostile("token", BY_ENDPOINT["token"][f"redirect {status}"]):
        assert ask(server, monkeypatch).status == status
    assert server.foreign == []


@pytest.mark.parametrize(
    "name",
    [
        "endless",
        "endless chunks",
        "endless headers",
        "half of the body",
        "garbage",
        "closed",
        "HTTP 0.9",
        *SLOW,
    ],
)
def test_an_answer_beyond_the_limits_is_an_error_of_the_service(
    name: str, server: HostileRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        server.hostile("token", (BY_ENDPOINT["token"] | SLOW)[name]),
        pytest.raises(ServiceError, match=rf"{server.host}"),
    ):
        ask(server, monkeypatch)


@pytest.mark.parametrize("name", ["page", "deep", "surrogate", "NaN", "not UTF-8"])
def test_a_body_that_is_not_json_has_no_value(
    name: str, server: HostileRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    with server.hostile("token", BY_ENDPOINT["token"][f"body {name}"]):
        assert ask(server, monkeypatch).json() is None

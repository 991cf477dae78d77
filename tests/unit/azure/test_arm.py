"""The client of Resource Manager sends its token to one host only."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from acr_transfer.azure.arm import ArmClient, blob_endpoint
from acr_transfer.azure.clouds import Cloud
from acr_transfer.errors import AccessError, ServiceError
from acr_transfer.http_requests import HttpAnswer

CLOUD = Cloud(name="c", resource_manager="https://arm.example/", scope="s/.default", authority="https://a")
ACCOUNTS = "/subscriptions/s/providers/Microsoft.Storage/storageAccounts"


@dataclass
class Session:
    """Returns prepared responses: a status and a body."""

    responses: list[tuple[int, Any]]
    requests: list[str] = field(default_factory=list)

    async def request(self, method: str, url: str, headers: dict[str, str]) -> HttpAnswer:
        self.requests.append(f"{method} {url}")
        status, content = self.responses.pop(0)
        return HttpAnswer(status, {}, json.dumps(content).encode())


class Credential:
    async def get_token(self, scope: str) -> Any:
        return SimpleNamespace(token=f"token for {scope}")


def call(session: Session, use: Callable[[ArmClient], Coroutine[Any, Any, Any]]) -> Any:
    client: Any = ArmClient(CLOUD, Credential(), session)  # type: ignore[arg-type]
    return asyncio.run(use(client))


def test_a_version_that_the_cloud_does_not_know_is_followed_by_the_next() -> None:
    session = Session([(400, {}), (200, {"name": "r"})])
    assert call(session, lambda client: client.get("/r", "new", "old")) == {"name": "r"}
    assert session.requests[1] == "GET https://arm.example/r?api-version=old"


def test_a_missing_resource_is_none_and_a_refused_one_names_the_needed_right() -> None:
    assert call(Session([(404, {})]), lambda client: client.get("/r", "v1")) is None
    with pytest.raises(AccessError, match=r"refused access to /r \(HTTP 403\). The caller needs the role"):
        call(Session([(403, {})]), lambda client: client.get("/r", "v1"))
    with pytest.raises(AccessError, match="The caller needs the right to list keys"):
        call(Session([(403, {})]), lambda client: client.post("/r", "v1", needs="the right to list keys"))


def test_an_account_is_found_by_its_endpoint_on_any_page() -> None:
    def account(name: str) -> dict[str, Any]:
        return {"id": name, "properties": {"primaryEndpoints": {"blob": f"https://{name}.example/"}}}

    pages = [{"value": [{"id": "x"}], "nextLink": "https://arm.example/2"}, {"value": [account("one")]}]
    found = call(
        Session([(200, page) for page in pages]),
        lambda client: client.find_by_endpoint(ACCOUNTS, "v1", "https://ONE.example/transfer", blob_endpoint),
    )
    assert found["id"] == "one"


@pytest.mark.parametrize(
    "link",
    ["https://other.example/2", "http://arm.example/2", "file:///etc/passwd", "https://[::1/2", "x://"],
)
def test_a_list_that_continues_at_another_host_gets_no_token(link: str) -> None:
    session = Session([(200, {"value": [], "nextLink": link})])
    with pytest.raises(ServiceError, match="continues a list at another host"):
        call(session, lambda client: client.list(ACCOUNTS, "v1"))
    assert len(session.requests) == 1


@pytest.mark.parametrize("page", [{"value": [None]}, {"value": {"a": 1}}, {"value": ["x"]}, []])
def test_a_list_of_something_else_is_refused(page: Any) -> None:
    with pytest.raises(ServiceError):
        call(Session([(200, page)]), lambda client: client.list(ACCOUNTS, "v1"))


def test_a_list_without_an_end_is_refused() -> None:
    session = Session([(200, {"value": [], "nextLink": "https://arm.example/2"})] * 3)
    with pytest.raises(ServiceError, match="does not end"):
        call(session, lambda client: client.list(ACCOUNTS, "v1"))


def test_a_deleted_resource_may_be_deleted_again() -> None:
    call(Session([(204, {}), (404, {})]), lambda client: client.remove("/r", "v1", needs="a role"))

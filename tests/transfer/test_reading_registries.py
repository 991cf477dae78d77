"""Registries read by Microsoft's client: signed in once a repository, and never believed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from azure.containerregistry.aio import ContainerRegistryClient
from azure.core.credentials import AccessToken
from azure.core.credentials_async import AsyncTokenCredential

from tests.transfer.small_cloud import IMAGE, Answers, Authority, digest_of, image
from transfer.errors import AccessError, ServiceError
from transfer.manifests import Kind, Manifest
from transfer.registries import Registry, _Tokens


class _Login(AsyncTokenCredential):
    async def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        return AccessToken("token", 2**40)

    async def close(self) -> None:
        """Nothing is open."""

    async def __aexit__(self, *_: object) -> None:
        """Nothing is open."""


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.make(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def held(authority: Authority) -> Iterator[Answers]:
    answers = Answers()
    with authority.serve(answers) as answers.documents["here"]:
        yield answers


def read(held: Answers, authority: Authority, *wanted: tuple[str, str]) -> list[Manifest | None]:
    """Read manifests one after the other, with one client."""

    async def ask() -> list[Manifest | None]:
        here, trusted = held.documents["here"], str(authority.trusted)
        client = ContainerRegistryClient(
            here, _Login(), per_retry_policies=[_Tokens()], connection_verify=trusted, retry_total=0
        )
        async with client:
            registry = Registry(here, client)
            return [await registry.get(*one) for one in wanted]

    return asyncio.run(ask())


def test_a_manifest_comes_with_its_bytes_and_media_type(held: Answers, authority: Authority) -> None:
    content = image("one")
    digest = held.put("app/web", content, "v1")
    for reference in ("v1", digest):
        (manifest,) = read(held, authority, ("app/web", reference))
        assert manifest == Manifest(content, IMAGE)
        assert (manifest.digest, manifest.kind) == (digest, Kind.IMAGE)


def test_what_is_not_there_is_none(held: Answers, authority: Authority) -> None:
    assert read(held, authority, ("app/web", "v1")) == [None]


def test_a_repository_is_signed_in_to_once(held: Answers, authority: Authority) -> None:
    for repository in ("app/web", "app/db"):
        held.put(repository, image(repository), "v1")
    read(held, authority, *[("app/web", "v1")] * 10, *[("app/db", "v1")] * 10)
    assert held.asked["/oauth2/token"] == 2
    assert held.asked["v2"] == 22


def test_a_token_that_ran_out_is_replaced(held: Answers, authority: Authority) -> None:
    held.put("app", image("one"), "v1")
    tokens = _Tokens()
    tokens._known["app"] = "Bearer old"

    async def ask() -> Manifest | None:
        client = ContainerRegistryClient(
            held.documents["here"],
            _Login(),
            per_retry_policies=[tokens],
            connection_verify=str(authority.trusted),
        )
        async with client:
            return await Registry("registry", client).get("app", "v1")

    assert asyncio.run(ask()) == Manifest(image("one"), IMAGE)
    assert tokens._known["app"] == "Bearer access to app by token"


@pytest.mark.parametrize("lie", [image("other"), b"no json", image("one")[:-1]])
def test_the_bytes_decide_whatever_the_registry_calls_them(
    lie: bytes, held: Answers, authority: Authority
) -> None:
    digest = held.put("app", image("one"))
    held.manifests["app", digest] = lie
    (manifest,) = read(held, authority, ("app", digest))
    assert manifest is not None
    assert manifest.digest == digest_of(lie) != digest


def test_an_answer_too_large_for_a_manifest_is_refused(held: Answers, authority: Authority) -> None:
    held.put("app", b" " * (4 * 1024 * 1024 + 1), "v1")
    with pytest.raises(ServiceError, match="more than the 4 MiB"):
        read(held, authority, ("app", "v1"))


def test_a_caller_without_the_right_to_pull_is_told_which(held: Answers, authority: Authority) -> None:
    held.token = "another"
    with pytest.raises(
        AccessError, match=r"refused \(HTTP 401\). The caller needs to pull from localhost.* AcrPull"
    ):
        read(held, authority, ("app", "v1"))

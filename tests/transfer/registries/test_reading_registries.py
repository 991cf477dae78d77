"""The registry client over HTTPS: authentication, retries, limits, and computed digests."""

from __future__ import annotations

import asyncio
import base64
import json
import stat
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest
from azure.core.credentials import AccessToken
from azure.core.credentials_async import AsyncTokenCredential

from acr_transfer import retry
from acr_transfer.errors import (
    AccessError,
    BrokenAnswerError,
    MissingBlobError,
    RegistryAccessError,
    ServiceError,
    UntrustedServiceError,
)
from acr_transfer.model.proof import ManifestKind
from acr_transfer.registry.auth import (
    Authenticator,
    Challenge,
    DockerAuthenticator,
    EntraAuthenticator,
)
from acr_transfer.registry.client import RegistryClient, open_registry
from acr_transfer.registry.docker_config import docker_credentials
from acr_transfer.registry.manifests import Manifest
from acr_transfer.registry.transport import CONCURRENCY
from tests.transfer.small_cloud import IMAGE, Answers, Authority, digest_of, image, index

Result = TypeVar("Result")


class _Login(AsyncTokenCredential):
    def __init__(self) -> None:
        self.asked: list[str] = []

    async def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        self.asked += scopes
        return AccessToken("token", 2**40)

    async def close(self) -> None:
        """Close nothing."""

    async def __aexit__(self, *_: object) -> None:
        """Close nothing."""


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.make(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def held(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> Iterator[Answers]:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.trusted))
    monkeypatch.setattr(retry, "_LONGEST_BACKOFF", 0.0)
    answers = Answers()
    with authority.serve(answers) as answers.documents["here"]:
        yield answers


def ask(
    held: Answers,
    question: Callable[[RegistryClient], Awaitable[Result]],
    authenticator: Authenticator | None = None,
) -> Result:
    """Send requests to a registry."""

    async def run() -> Result:
        async with open_registry(
            held.documents["here"], authenticator or EntraAuthenticator(_Login())
        ) as registry:
            return await question(registry)

    return asyncio.run(run())


def read(held: Answers, *wanted: tuple[str, str]) -> list[Manifest | None]:
    """Read manifests concurrently with one client."""

    async def all_of(registry: RegistryClient) -> list[Manifest | None]:
        return list(await asyncio.gather(*(registry.get(*one) for one in wanted)))

    return ask(held, all_of)


def test_a_manifest_comes_with_its_bytes_and_media_type(held: Answers) -> None:
    content = image("one")
    digest = held.put("app/web", content, "v1")
    for reference in ("v1", digest):
        (manifest,) = read(held, ("app/web", reference))
        assert manifest == Manifest.parse(content, IMAGE)
        assert (manifest.digest, manifest.kind) == (digest, ManifestKind.IMAGE)


def test_an_absent_manifest_or_repository_is_none(held: Answers) -> None:
    assert read(held, ("app/web", "v1")) == [None]
    assert ask(held, lambda registry: registry.tags("app/web")) is None
    assert ask(held, lambda registry: registry.exists("app/web", "v1")) is False


def test_one_token_serves_all_requests_to_a_repository(held: Answers) -> None:
    for repository in ("app/web", "app/db"):
        held.put(repository, image(repository), "v1")
    read(held, *[("app/web", "v1")] * 50, *[("app/db", "v1")] * 50)
    assert held.asked["/oauth2/exchange"] == 1
    assert held.asked["/oauth2/token"] == 2
    assert held.asked["v2"] == 101


def test_an_expired_token_is_replaced(held: Answers) -> None:
    held.put("app", image("one"), "v1")

    async def twice(registry: RegistryClient) -> list[Manifest | None]:
        first = await registry.get("app", "v1")
        held.passes += 1
        return [first, await registry.get("app", "v1")]

    first, second = ask(held, twice)
    assert first == second != None  # noqa: E711 - neither may be None
    assert held.asked["/oauth2/token"] == 2


def test_the_clouds_audience_is_used(held: Answers) -> None:
    login = _Login()
    held.put("app", image("one"), "v1")
    ask(
        held,
        lambda registry: registry.get("app", "v1"),
        EntraAuthenticator(login, "https://audience.invalid"),
    )
    assert login.asked == ["https://audience.invalid/.default"]


@pytest.mark.parametrize("lie", [image("other"), b"no json", image("one")[:-1]])
def test_the_digest_is_computed_from_the_bytes(lie: bytes, held: Answers) -> None:
    digest = held.put("app", image("one"))
    held.manifests["app", digest] = lie
    (manifest,) = read(held, ("app", digest))
    assert manifest is not None
    assert manifest.digest == digest_of(lie) != digest


def test_a_response_too_large_for_a_manifest_is_an_error(held: Answers) -> None:
    held.put("app", b" " * (4 * 1024 * 1024 + 1), "v1")
    with pytest.raises(BrokenAnswerError, match=r"more than 4\.0 MiB"):
        read(held, ("app", "v1"))


def test_a_body_that_ends_early_is_an_error(held: Answers) -> None:
    held.put("app", image("one"), "v1")
    held.cut_off.add("/v2/app/manifests/v1")
    with pytest.raises(BrokenAnswerError, match="ended early"):
        read(held, ("app", "v1"))


def test_a_refusal_names_the_missing_role(held: Answers) -> None:
    held.token = "another"
    with pytest.raises(
        AccessError, match=r"refused \(HTTP 401\).* The caller needs permission to pull .* AcrPull"
    ):
        read(held, ("app", "v1"))


def test_the_error_names_an_unreachable_registry(held: Answers) -> None:
    held.documents["here"] = "localhost:1"
    with pytest.raises(ServiceError, match="localhost:1: no response"):
        read(held, ("app", "v1"))


def test_a_certificate_that_is_not_trusted_is_final(held: Answers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(UntrustedServiceError, match="its certificate is not trusted") as caught:
        read(held, ("app", "v1"))
    assert caught.value.is_final


@pytest.mark.parametrize("status", [429, 503])
def test_a_throttled_request_is_retried_after_the_requested_time(status: int, held: Answers) -> None:
    held.put("app", image("one"), "v1")
    held.refuse = [(status, "0.2")] * 3
    began = time.monotonic()
    assert read(held, ("app", "v1")) == [Manifest.parse(image("one"), IMAGE)]
    assert time.monotonic() - began >= 0.6


@pytest.mark.parametrize(
    "authenticator", [EntraAuthenticator(_Login()), DockerAuthenticator("<token>", "token")]
)
def test_a_throttled_token_is_requested_again(authenticator: Authenticator, held: Answers) -> None:
    held.put("app", image("one"), "v1")
    held.refuse_tokens = [(429, "0.2"), (503, "0.2")]
    began = time.monotonic()
    assert ask(held, lambda registry: registry.get("app", "v1"), authenticator) is not None
    assert time.monotonic() - began >= 0.4


def test_a_failure_to_sign_in_is_not_kept_and_a_refusal_is(held: Answers) -> None:
    held.put("app", image("one"), "v1")

    async def twice(registry: RegistryClient) -> list[object]:
        found: list[object] = []
        for _ in range(2):
            found += await asyncio.gather(registry.get("app", "v1"), return_exceptions=True)
        return found

    held.refuse_tokens = [(503, "")] * retry.TRIES
    failed, found = ask(held, twice)
    assert isinstance(failed, ServiceError)
    assert found == Manifest.parse(image("one"), IMAGE)
    held.token = "another"
    asked = held.asked.copy()
    refused = ask(held, twice)
    assert [type(each) for each in refused] == [RegistryAccessError] * 2
    # One token is refused, and the one that replaces it: once for both requests.
    assert held.asked["/oauth2/exchange"] - asked["/oauth2/exchange"] == 1


def test_requests_that_wait_for_a_token_keep_no_others_waiting(held: Answers) -> None:
    tags = [f"v{number}" for number in range(2 * CONCURRENCY)]
    held.put("quick", image("one"), "v1")
    held.put("slow", image("two"), *tags)
    login, signing_in = _Login(), asyncio.Event()

    class Late(EntraAuthenticator):
        async def authorize(self, session: Any, registry: Any, challenge: Challenge) -> str:
            if "slow" in challenge.scope:
                await signing_in.wait()
            return await super().authorize(session, registry, challenge)

    async def both(registry: RegistryClient) -> list[Manifest | None]:
        slow = [asyncio.create_task(registry.get("slow", tag)) for tag in tags]
        await asyncio.sleep(0)
        async with asyncio.timeout(30):
            assert await registry.get("quick", "v1")
        assert not any(task.done() for task in slow)
        signing_in.set()
        return await asyncio.gather(*slow)

    assert ask(held, both, Late(login)) == [Manifest.parse(image("two"), IMAGE)] * len(tags)


def test_a_persistent_failure_names_the_resource(held: Answers) -> None:
    held.refuse = [(500, "")] * 50
    with pytest.raises(ServiceError, match="HTTP 500 for /v2/app/manifests/v1"):
        read(held, ("app", "v1"))


def test_lists_are_read_over_all_their_pages(held: Answers) -> None:
    held.page = 3
    for number in range(10):
        held.put(f"app{number}", image(str(number)), "v1", "v2", "v3", "v4")
    assert ask(held, lambda registry: registry.repositories()) == [f"app{number}" for number in range(10)]
    assert ask(held, lambda registry: registry.tags("app1")) == ["v1", "v2", "v3", "v4"]


def test_referrers_come_from_the_registrys_list(held: Answers) -> None:
    subject = held.put("app", image("one"), "v1")
    signature = held.put(
        "app",
        image(
            "signature",
            subject={"mediaType": IMAGE, "digest": subject, "size": 1},
            artifactType="application/sig",
        ),
    )
    assert ask(held, lambda registry: registry.referrers("app", subject)) is None
    held.lists_referrers = True
    (found,) = ask(held, lambda registry: registry.referrers("app", subject)) or []
    assert (found.digest, found.artifact_type) == (signature, "application/sig")
    assert ask(held, lambda registry: registry.referrers("app", signature)) == []


def test_a_missing_referrers_api_is_requested_once(held: Answers) -> None:
    async def often(registry: RegistryClient) -> None:
        for number in range(5):
            assert await registry.referrers("app", digest_of(b"%d" % number)) is None

    ask(held, often)
    assert held.asked["referrers"] == 1


def test_a_blob_is_streamed_or_missing(held: Answers) -> None:
    content = bytes(range(256)) * 9000
    held.blobs["app", digest_of(content)] = content

    async def whole(registry: RegistryClient, digest: str) -> bytes:
        return b"".join([chunk async for chunk in registry.blob("app", digest, len(content))])

    assert ask(held, lambda registry: whole(registry, digest_of(content))) == content
    with pytest.raises(MissingBlobError):
        ask(held, lambda registry: whole(registry, digest_of(b"x")))


def test_an_index_lists_its_children(held: Answers) -> None:
    children = image("amd64"), image("arm64")
    held.put("app", index(*children), "v1")
    (manifest,) = read(held, ("app", "v1"))
    assert manifest is not None
    assert manifest.child_digests == tuple(map(digest_of, children))


def test_dockers_credentials_work_at_azures_registries(held: Answers) -> None:
    held.put("app", image("one"), "v1")
    authenticator = DockerAuthenticator("00000000-0000-0000-0000-000000000000", "token")
    assert ask(held, lambda registry: registry.get("app", "v1"), authenticator) is not None
    assert held.asked["/oauth2/exchange"] == 0


@pytest.fixture
def docker(tmp_path: Path) -> Callable[[dict[str, Any]], dict[str, str]]:
    def configured(content: dict[str, Any]) -> dict[str, str]:
        (tmp_path / "config.json").write_text(json.dumps(content))
        return {"DOCKER_CONFIG": str(tmp_path)}

    return configured


PAIR = base64.b64encode(b"me:SECRET:1").decode()
NOBODY = "00000000-0000-0000-0000-000000000000"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({"auths": {"host:1": {"auth": PAIR}}}, DockerAuthenticator("me", "SECRET:1")),
        ({"auths": {"host:1": {"identitytoken": "T"}}}, DockerAuthenticator(NOBODY, "T")),
        ({"auths": {"other": {"auth": PAIR}}}, None),
        ({"auths": {"host:1": {"auth": "?"}}}, None),
        ({"auths": {"host:1": {"auth": 1}}}, None),
        ({"auths": ["host:1"], "credHelpers": "host:1", "credsStore": {"a": "b"}}, None),
        ({"credsStore": "is-not-there"}, None),
        ({"credsStore": "../a\0b"}, None),
        ({}, None),
    ],
)
def test_dockers_configuration_is_read(
    content: dict[str, Any],
    expected: DockerAuthenticator | None,
    docker: Callable[[dict[str, Any]], dict[str, str]],
) -> None:
    assert docker_credentials("host:1", docker(content)) == expected


@pytest.mark.parametrize("key", ["credsStore", "credHelpers"])
def test_a_credential_helper_is_called_by_its_protocol(
    key: str,
    tmp_path: Path,
    docker: Callable[[dict[str, Any]], dict[str, str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    program = tmp_path / "docker-credential-ours"
    program.write_text(
        '#!/bin/sh\nread host\nprintf \'{"Username": "me", "Secret": "%s %s"}\' "$1" "$host"\n'
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    environ = docker({key: {"host:1": "ours"} if key == "credHelpers" else "ours"})
    assert docker_credentials("host:1", environ) == DockerAuthenticator("me", "get host:1")


def test_credentials_are_not_in_their_representation() -> None:
    assert "SECRET" not in repr(DockerAuthenticator("me", "SECRET"))
    assert "SECRET" not in repr(EntraAuthenticator(_Login(), _refresh_token="SECRET"))


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (
            'Bearer realm="https://a/t",service="s",scope="repository:a/b:pull,push"',
            Challenge("bearer", "https://a/t", "s", "repository:a/b:pull,push"),
        ),
        ('Basic realm="here"', Challenge("basic", "here", "", "")),
        ("", Challenge("", "", "", "")),
    ],
)
def test_a_challenge_is_read(header: str, expected: Challenge) -> None:
    assert Challenge.parse(header) == expected

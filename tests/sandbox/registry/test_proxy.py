"""A registry's endpoint as clients see it: authentication, permissions and ACR's own API."""

from __future__ import annotations

import base64
import hashlib
import json
import socket
import ssl
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import requests

from sandbox.arm import roles
from sandbox.arm.resource_id import ResourceId
from sandbox.cloud.cloud import Cloud
from sandbox.cloud.definitions import SOURCE
from sandbox.cloud.paths import CHECKOUT
from sandbox.registry.content import SubjectIndex
from sandbox.registry.oci_client import digest_of
from sandbox.registry.tokens import TOKEN_USER
from tests.sandbox.registry.endpoint import INDEX, MANIFEST, RegistryEndpoint, descriptor, image, managed

ROLES = {role.name: guid for guid, role in roles.definitions().items()}


@pytest.fixture(scope="module")
def own_registry(cloud: Cloud) -> RegistryEndpoint:
    """A registry whose content and role assignments only these tests change."""
    name = "ownregistry"
    body = {"location": SOURCE.location, "sku": {"name": "Premium"}, "properties": {}}
    assert managed(cloud, "PUT", name, json=body).status_code == 201
    return RegistryEndpoint(cloud, name)


CHALLENGES = {
    "API version check": ("GET", "/v2/", ""),
    "a manifest": ("GET", "/v2/shop/web/manifests/1.0.0", 'scope="repository:shop/web:pull"'),
    "referrers": ("GET", f"/v2/shop/web/referrers/sha256:{'0' * 64}", 'scope="repository:shop/web:pull"'),
    "repository list": ("GET", "/acr/v1/_catalog", 'scope="registry:catalog:*"'),
    "tags": ("GET", "/acr/v1/shop/web/_tags", 'scope="repository:shop/web:metadata_read"'),
}


@pytest.mark.parametrize("case", CHALLENGES)
def test_a_request_without_a_token_gets_a_challenge(registry: RegistryEndpoint, case: str) -> None:
    method, path, scope = CHALLENGES[case]
    answer = registry.request(method, path)
    assert answer.status_code == 401
    challenge = answer.headers["WWW-Authenticate"]
    assert challenge.startswith(
        f'Bearer realm="https://{registry.server}/oauth2/token",service="{registry.server}"'
    )
    assert scope in challenge
    assert answer.json()["errors"][0]["code"] == "UNAUTHORIZED"


def test_a_token_grants_only_its_own_scope(registry: RegistryEndpoint) -> None:
    token = registry.token("repository:shop/web:metadata_read")
    assert registry.request("GET", "/acr/v1/shop/web/_tags", token).status_code == 200
    assert registry.request("GET", "/acr/v1/platform/agent/_tags", token).status_code == 401
    assert registry.request("DELETE", "/v2/shop/web/manifests/1.0.0", token).status_code == 401
    assert registry.request("GET", "/v2/shop/web/manifests/1.0.0", token).status_code == 401


RIGHTS = {
    "none": (None, [401, 401, 401]),
    "AcrPull": ("AcrPull", [200, 401, 401]),
    "AcrPush": ("AcrPush", [200, 202, 401]),
    "AcrDelete": ("AcrDelete", [401, 401, 202]),
    "Reader": ("Reader", [200, 401, 401]),
    "Contributor": ("Contributor", [200, 202, 202]),
}


@pytest.mark.parametrize("case", RIGHTS)
def test_a_principal_has_the_permissions_of_its_role(
    own_registry: RegistryEndpoint, cloud: Cloud, case: str
) -> None:
    role, expected = RIGHTS[case]
    principal = f"99999999-0000-4000-8000-{hashlib.sha256(case.encode()).hexdigest()[:12]}"
    if role:
        _assign(cloud, own_registry.name, principal, ROLES[role])
    own_registry.push("own/rights", case, manifest := image(annotations={"case": case}))
    token = own_registry.token("repository:own/rights:pull,push,delete", principal=principal)
    path = f"/v2/own/rights/manifests/{descriptor(manifest)['digest']}"
    answers = [
        own_registry.request("GET", path, token),
        own_registry.request("POST", "/v2/own/rights/blobs/uploads/", token),
        own_registry.request("DELETE", path, token),
    ]
    assert [answer.status_code for answer in answers] == expected


def test_a_client_that_disconnects_early_leaves_no_traceback(
    own_registry: RegistryEndpoint, cloud: Cloud
) -> None:
    own_registry.push("own/gone", "1", image())
    token, path = own_registry.token("repository:own/gone:pull"), "/v2/own/gone/manifests/1"
    log = cloud.paths.log
    before = log.stat().st_size
    host, _, port = own_registry.server.partition(":")
    trust = ssl.create_default_context(cafile=str(cloud.paths.authority))
    request = f"GET {path} HTTP/1.1\r\nHost: {own_registry.server}\r\nAuthorization: Bearer {token}\r\n\r\n"
    for _ in range(30):
        with socket.create_connection((host, int(port))) as plain:
            client = trust.wrap_socket(plain, server_hostname=host)
            # SO_LINGER with 0 closes the connection with a reset.
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.sendall(request.encode())
            client.close()
    assert own_registry.request("GET", path, token).status_code == 200
    assert "Traceback" not in log.read_bytes()[before:].decode()


def _assign(cloud: Cloud, registry_name: str, principal: str, role: str) -> None:
    scope = ResourceId(
        SOURCE.subscription, "images", "Microsoft.ContainerRegistry", ("registries", registry_name)
    )
    id = ResourceId.parse(f"{scope}/providers/{roles.ASSIGNMENTS}/{principal}")
    assert id
    cloud.resources.put(id, id.type, roles.assignment(cloud, id, principal, role))


def test_azures_client_lists_repositories_and_tags(registry: RegistryEndpoint, client: Any) -> None:
    for number in range(3):
        registry.push("listed/by-azure", f"v{number}", image(annotations={"number": str(number)}))
    assert "listed/by-azure" in list(client.list_repository_names())
    assert list(client.list_repository_names(results_per_page=2)) == list(client.list_repository_names())
    tags = client.list_tag_properties("listed/by-azure", results_per_page=2)
    assert [tag.name for tag in tags] == ["v0", "v1", "v2"]
    tag = client.get_tag_properties("listed/by-azure", "v1")
    assert client.get_manifest_properties("listed/by-azure", "v1").digest == tag.digest


def test_a_client_without_a_token_gets_none(registry: RegistryEndpoint) -> None:
    form = {"service": registry.server, "grant_type": "password", "scope": "repository:shop/web:pull"}
    for credentials in ({}, {"username": registry.name, "password": "wrong"}):
        answer = registry.request("POST", "/oauth2/token", data={**form, **credentials})
        assert answer.status_code == 401
        assert answer.json()["errors"][0]["code"] == "UNAUTHORIZED"


UNKNOWN = {
    "repository's tags": ("/acr/v1/no/such/_tags", "NAME_UNKNOWN"),
    "tag": ("/acr/v1/shop/web/_tags/none", "TAG_UNKNOWN"),
    "manifest": (f"/acr/v1/shop/web/_manifests/sha256:{'0' * 64}", "MANIFEST_UNKNOWN"),
}


@pytest.mark.parametrize("case", UNKNOWN)
def test_missing_content_has_its_own_error_code(registry: RegistryEndpoint, case: str) -> None:
    path, code = UNKNOWN[case]
    name = path.removeprefix("/acr/v1/").partition("/_")[0]
    answer = registry.request("GET", path, registry.token(f"repository:{name}:metadata_read"))
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (404, code)


def test_tags_are_listed_in_pages(registry: RegistryEndpoint) -> None:
    token = registry.token("repository:shop/web:metadata_read")
    whole = registry.request("GET", "/acr/v1/shop/web/_tags?n=500", token).json()["tags"]
    assert len(whole) >= 3
    paged, path = [], "/acr/v1/shop/web/_tags?n=2"
    while path:
        answer = registry.request("GET", path, token)
        page = answer.json()["tags"]
        assert 0 < len(page) <= 2
        paged += page
        path = answer.headers.get("Link", "").partition(">")[0].removeprefix("<")
    assert paged == whole


def test_referrers_are_found_by_their_subject(registry: RegistryEndpoint) -> None:
    base = image(annotations={"attached": "to"})
    registry.push("attached/image", "1", base)
    subject = descriptor(base)
    signature = image(subject=subject, artifactType="application/vnd.test.signature")
    bill = image(subject=subject, artifactType="application/vnd.test.bill", annotations={"a": "b"})
    for attached in (signature, bill):
        answer = registry.push("attached/image", "", attached)
        assert answer.headers["OCI-Subject"] == subject["digest"]
    token = registry.token("repository:attached/image:pull")
    path = f"/v2/attached/image/referrers/{subject['digest']}"
    answer = registry.request("GET", path, token)
    assert answer.headers["Content-Type"] == INDEX
    assert "OCI-Filters-Applied" not in answer.headers
    found = {entry["digest"]: entry for entry in answer.json()["manifests"]}
    assert found.keys() == {descriptor(each)["digest"] for each in (signature, bill)}
    assert found[descriptor(bill)["digest"]]["annotations"] == {"a": "b"}
    answer = registry.request("GET", f"{path}?artifactType=application/vnd.test.bill", token)
    assert answer.headers["OCI-Filters-Applied"] == "artifactType"
    assert [entry["digest"] for entry in answer.json()["manifests"]] == [descriptor(bill)["digest"]]
    assert (
        registry.request("GET", f"/v2/attached/image/referrers/sha256:{'0' * 64}", token).json()["manifests"]
        == []
    )
    assert registry.request("GET", "/v2/attached/image/referrers/nonsense", token).status_code == 400


def test_a_list_of_referrers_follows_every_push_and_delete(registry: RegistryEndpoint) -> None:
    base = image(annotations={"attached": "later"})
    registry.push("attached/later", "1", base)
    subject = descriptor(base)
    token = registry.token("repository:attached/later:pull,delete")

    def listed() -> set[str]:
        path = f"/v2/attached/later/referrers/{subject['digest']}"
        return {entry["digest"] for entry in registry.request("GET", path, token).json()["manifests"]}

    expected = set[str]()
    for number in range(5):
        attached = image(subject=subject, annotations={"number": str(number)})
        registry.push("attached/later", "", attached)
        expected.add(descriptor(attached)["digest"])
        assert listed() == expected
    first, *_ = expected
    path = f"/v2/attached/later/manifests/{first}"
    assert registry.request("DELETE", path, token).status_code == 202
    assert listed() == expected - {first}


def test_a_list_of_referrers_reads_each_manifest_once(tmp_path: Path) -> None:
    links = tmp_path / "revisions"
    for number in range(50):
        (links / "sha256" / f"{number:064x}").mkdir(parents=True)
    read = list[str]()

    def blob(digest: str) -> bytes:
        read.append(digest)
        return b'{"subject": {"digest": "sha256:1"}}'

    index = SubjectIndex(links, blob)
    for _ in range(3):
        assert len(index.referrers("sha256:1")) == 50
    assert len(read) == 50


def test_referrers_under_the_fallback_tag_are_found(registry: RegistryEndpoint) -> None:
    base, attached = image(annotations={"older": "way"}), image(annotations={"no": "subject"})
    digest = descriptor(base)["digest"]
    for manifest in (base, attached):
        registry.push("attached/older", "", manifest)
    index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [descriptor(attached)]}
    registry.push("attached/older", digest.replace(":", "-"), index)
    token = registry.token("repository:attached/older:pull")
    found = registry.request("GET", f"/v2/attached/older/referrers/{digest}", token).json()["manifests"]
    assert [entry["digest"] for entry in found] == [descriptor(attached)["digest"]]


def test_a_push_without_a_subject_returns_no_oci_subject(registry: RegistryEndpoint) -> None:
    assert "OCI-Subject" not in registry.push("attached/nothing", "1", image()).headers


def test_a_head_request_returns_size_and_digest_without_a_body(registry: RegistryEndpoint) -> None:
    token = registry.token("repository:shop/web:pull")
    head = registry.request("HEAD", "/v2/shop/web/manifests/1.0.0", token, headers={"Accept": MANIFEST})
    whole = registry.request("GET", "/v2/shop/web/manifests/1.0.0", token, headers={"Accept": MANIFEST})
    assert head.status_code == whole.status_code == 200
    assert head.content == b""
    assert head.headers["Docker-Content-Digest"] == digest_of(whole.content)
    assert int(head.headers["Content-Length"]) == len(whole.content)


def test_the_docker_configuration_of_the_environment_works(
    sandbox_environment: dict[str, str], registry: RegistryEndpoint
) -> None:
    config = json.loads((Path(sandbox_environment["DOCKER_CONFIG"]) / "config.json").read_text())
    user, _, password = base64.b64decode(config["auths"][registry.server]["auth"]).decode().partition(":")
    assert user == TOKEN_USER
    query = {"service": registry.server, "scope": "repository:shop/web:pull,push"}
    trusted = sandbox_environment["SSL_CERT_FILE"]
    url = f"https://{registry.server}/oauth2/token"
    answer = requests.get(url, params=query, auth=(user, password), verify=trusted, timeout=60)
    token = answer.json()["access_token"]
    assert registry.request("GET", "/v2/shop/web/tags/list", token).json()["name"] == "shop/web"


def test_token_requests_are_in_the_log_without_their_tokens(registry: RegistryEndpoint) -> None:
    registry.token("repository:shop/web:pull")
    output = subprocess.run(
        [sys.executable, "-m", "sandbox", "log"], cwd=CHECKOUT, capture_output=True, text=True, check=True
    ).stdout
    assert f"{registry.server}/oauth2/exchange" in output
    assert "eyJ" not in output

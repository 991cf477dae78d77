"""A registry's front door from outside: who comes in, what they may do, and the calls that only ACR has."""

from __future__ import annotations

import base64
import gc
import hashlib
import json
import socket
import ssl
import struct
import subprocess
import sys
import warnings
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import requests
from azure.containerregistry import ArtifactTagOrder, ContainerRegistryClient
from azure.core.exceptions import ClientAuthenticationError, ResourceNotFoundError

from sandbox.arm import roles
from sandbox.arm.resource_id import ResourceId
from sandbox.cloud.cloud import Cloud
from sandbox.cloud.definitions import SOURCE
from sandbox.cloud.paths import CHECKOUT, Places
from sandbox.registry.oci_client import digest_of
from sandbox.registry.tokens import NOBODY
from tests.sandbox.registry.endpoint import INDEX, MANIFEST, RegistryEndpoint, descriptor, image, managed

ROLES = {role.name: guid for guid, role in roles.definitions().items()}


@pytest.fixture(scope="module")
def open_door(cloud: Cloud) -> RegistryEndpoint:
    """A registry with an admin user that lets anybody pull, holding one image."""
    name = "opendoors"
    switches = {"adminUserEnabled": True, "anonymousPullEnabled": True}
    body = {"location": SOURCE.location, "sku": {"name": "Premium"}, "properties": switches}
    assert managed(cloud, "PUT", name, json=body).status_code == 201
    found = RegistryEndpoint(cloud, name)
    assert found.push("open/image", "1", image()).status_code == 201
    return found


CHALLENGES = {
    "the base": ("GET", "/v2/", ""),
    "a manifest": ("GET", "/v2/shop/web/manifests/1.0.0", 'scope="repository:shop/web:pull"'),
    "referrers": ("GET", f"/v2/shop/web/referrers/sha256:{'0' * 64}", 'scope="repository:shop/web:pull"'),
    "the catalogue": ("GET", "/acr/v1/_catalog", 'scope="registry:catalog:*"'),
    "tags": ("GET", "/acr/v1/shop/web/_tags", 'scope="repository:shop/web:metadata_read"'),
    "a tag's end": ("DELETE", "/acr/v1/shop/web/_tags/1.0.0", 'scope="repository:shop/web:delete"'),
    "a repository's end": ("DELETE", "/acr/v1/shop/web", 'scope="repository:shop/web:delete"'),
}


@pytest.mark.parametrize("case", CHALLENGES)
def test_who_does_not_say_who_they_are_is_told_where_to_get_a_token(
    door: RegistryEndpoint, case: str
) -> None:
    method, path, scope = CHALLENGES[case]
    answer = door.ask(method, path)
    assert answer.status_code == 401
    challenge = answer.headers["WWW-Authenticate"]
    assert challenge.startswith(f'Bearer realm="https://{door.server}/oauth2/token",service="{door.server}"')
    assert scope in challenge
    assert answer.json()["errors"][0]["code"] == "UNAUTHORIZED"


def test_a_token_for_less_does_not_open_more(door: RegistryEndpoint) -> None:
    token = door.token("repository:shop/web:metadata_read")
    assert door.ask("GET", "/acr/v1/shop/web", token).status_code == 200
    assert door.ask("GET", "/acr/v1/platform/agent", token).status_code == 401
    assert door.ask("DELETE", "/acr/v1/shop/web/_tags/1.0.0", token).status_code == 401
    assert door.ask("GET", "/v2/shop/web/manifests/1.0.0", token).status_code == 401


def test_neither_admin_user_nor_anonymous_pull_unless_the_registry_says_so(
    door: RegistryEndpoint, open_door: RegistryEndpoint, cloud: Cloud
) -> None:
    credentials = managed(cloud, "POST", open_door.name, "/listCredentials").json()
    password = credentials["passwords"][0]["value"]
    refused = door.ask("GET", "/v2/", auth=(door.name, password))
    assert refused.status_code == 401
    form = {"service": door.server, "grant_type": "password", "scope": "repository:shop/web:pull"}
    assert door.ask("POST", "/oauth2/token", data=form).status_code == 401
    said = managed(cloud, "POST", door.name, "/listCredentials").json()["error"]
    assert said["code"] == "UnAuthorizedForCredentialOperations"


def test_the_admin_user_comes_in_with_either_password(open_door: RegistryEndpoint, cloud: Cloud) -> None:
    found = managed(cloud, "POST", open_door.name, "/listCredentials").json()
    assert found["username"] == open_door.name
    for entry in found["passwords"]:
        pair = (found["username"], entry["value"])
        assert open_door.ask("GET", "/v2/", auth=pair).status_code == 200
        assert open_door.ask("GET", "/acr/v1/_catalog", auth=pair).json() == {"repositories": ["open/image"]}
        query = {"service": open_door.server, "scope": "repository:open/image:pull,push"}
        token = open_door.ask("GET", "/oauth2/token", auth=pair, params=query).json()["access_token"]
        assert open_door.ask("POST", "/v2/open/image/blobs/uploads/", token).status_code == 202
    assert open_door.ask("GET", "/v2/", auth=(open_door.name, "wrong")).status_code == 401
    log = [json.dumps(each) for each in cloud.store.exchanges()]
    assert not [line for line in log if found["passwords"][0]["value"] in line]


def test_anybody_pulls_and_does_no_more_where_the_registry_is_open(open_door: RegistryEndpoint) -> None:
    scopes = ("repository:open/image:pull,push,delete", "registry:catalog:*")
    token = open_door.given({"grant_type": "password"}, *scopes)
    assert open_door.ask("GET", "/v2/open/image/manifests/1", token).status_code == 200
    assert open_door.ask("POST", "/v2/open/image/blobs/uploads/", token).status_code == 401
    assert open_door.ask("GET", "/acr/v1/_catalog", token).status_code == 401


RIGHTS = {
    "none": (None, [401, 401, 401]),
    "AcrPull": ("AcrPull", [200, 401, 401]),
    "AcrPush": ("AcrPush", [200, 202, 401]),
    "AcrDelete": ("AcrDelete", [401, 401, 202]),
    "Reader": ("Reader", [200, 401, 401]),
    "Contributor": ("Contributor", [200, 202, 202]),
}


@pytest.mark.parametrize("case", RIGHTS)
def test_others_than_the_operator_do_what_their_role_says(
    open_door: RegistryEndpoint, cloud: Cloud, case: str
) -> None:
    role, expected = RIGHTS[case]
    principal = f"99999999-0000-4000-8000-{hashlib.sha256(case.encode()).hexdigest()[:12]}"
    if role:
        _assign(cloud, open_door.name, principal, ROLES[role])
    open_door.push("open/rights", case, manifest := image(annotations={"case": case}))
    token = open_door.token("repository:open/rights:pull,push,delete", principal=principal)
    path = f"/v2/open/rights/manifests/{descriptor(manifest)['digest']}"
    answers = [
        open_door.ask("GET", path, token),
        open_door.ask("POST", "/v2/open/rights/blobs/uploads/", token),
        open_door.ask("DELETE", path, token),
    ]
    assert [answer.status_code for answer in answers] == expected


def test_a_client_that_goes_away_leaves_no_traceback(open_door: RegistryEndpoint, cloud: Cloud) -> None:
    open_door.push("open/gone", "1", image())
    token, path = open_door.token("repository:open/gone:pull"), "/v2/open/gone/manifests/1"
    log = cloud.places.log
    before = log.stat().st_size
    host, _, port = open_door.server.partition(":")
    trust = ssl.create_default_context(cafile=str(cloud.places.authority))
    asked = f"GET {path} HTTP/1.1\r\nHost: {open_door.server}\r\nAuthorization: Bearer {token}\r\n\r\n"
    for _ in range(30):
        with socket.create_connection((host, int(port))) as plain:
            client = trust.wrap_socket(plain, server_hostname=host)
            # Closed with a reset, without a goodbye.
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.sendall(asked.encode())
            client.close()
    assert open_door.ask("GET", path, token).status_code == 200
    assert "Traceback" not in log.read_bytes()[before:].decode()


def _assign(cloud: Cloud, registry: str, principal: str, role: str) -> None:
    scope = ResourceId(SOURCE.subscription, "images", "Microsoft.ContainerRegistry", ("registries", registry))
    id = ResourceId.parse(f"{scope}/providers/{roles.ASSIGNMENTS}/{principal}")
    assert id
    cloud.store.put(id, id.type, roles.assignment(cloud, id, principal, role))


def test_azures_client_lists_repositories_tags_and_manifests(door: RegistryEndpoint, client: Any) -> None:
    for number in range(3):
        door.push("listed/by-azure", f"v{number}", image(annotations={"number": str(number)}))
    assert "listed/by-azure" in list(client.list_repository_names())
    assert list(client.list_repository_names(results_per_page=2)) == list(client.list_repository_names())
    found = client.get_repository_properties("listed/by-azure")
    assert (found.name, found.tag_count, found.manifest_count) == ("listed/by-azure", 3, 3)
    assert isinstance(found.created_on, datetime)
    order = ArtifactTagOrder.LAST_UPDATED_ON_DESCENDING
    tags = client.list_tag_properties("listed/by-azure", order_by=order, results_per_page=2)
    assert [tag.name for tag in tags] == ["v2", "v1", "v0"]
    manifests = list(client.list_manifest_properties("listed/by-azure", results_per_page=1))
    assert sorted(name for manifest in manifests for name in manifest.tags) == ["v0", "v1", "v2"]
    tag = client.get_tag_properties("listed/by-azure", "v1")
    assert client.get_manifest_properties("listed/by-azure", "v1").digest == tag.digest


def test_an_index_names_its_children_and_what_they_run_on(door: RegistryEndpoint, client: Any) -> None:
    digest = client.get_manifest_properties("platform/agent", "2.0").digest
    token = door.token("repository:platform/agent:metadata_read")
    shown = door.ask("GET", f"/acr/v1/platform/agent/_manifests/{digest}", token).json()["manifest"]
    named = {(each["digest"], each["os"], each["architecture"]) for each in shown["references"]}
    children = [
        client.get_manifest_properties("platform/agent", each["digest"]) for each in shown["references"]
    ]
    assert {(each.digest, each.operating_system, each.architecture) for each in children} == named
    assert len(named) == 2


def test_azures_client_deletes_a_tag_a_manifest_and_a_repository(door: RegistryEndpoint, client: Any) -> None:
    for number in range(3):
        door.push("deleted/by-azure", f"v{number}", image(annotations={"gone": str(number)}))
    client.delete_tag("deleted/by-azure", "v0")
    with pytest.raises(ResourceNotFoundError):
        client.get_tag_properties("deleted/by-azure", "v0")
    assert client.get_repository_properties("deleted/by-azure").manifest_count == 3
    client.delete_manifest("deleted/by-azure", "v1")
    assert client.get_repository_properties("deleted/by-azure").manifest_count == 2
    client.delete_repository("deleted/by-azure")
    assert "deleted/by-azure" not in list(client.list_repository_names())
    with pytest.raises(ResourceNotFoundError):
        client.get_repository_properties("deleted/by-azure")


def test_azures_client_without_a_token_is_let_in_only_where_all_are(
    door: RegistryEndpoint, open_door: RegistryEndpoint, places: Places
) -> None:
    options = {"audience": "https://ignored.invalid", "connection_verify": str(places.authority)}
    with ContainerRegistryClient(f"https://{open_door.server}", **options) as anonymous:  # type: ignore[arg-type]
        assert anonymous.get_manifest("open/image", "1").digest
    with (
        ContainerRegistryClient(f"https://{door.server}", **options) as anonymous,  # type: ignore[arg-type]
        pytest.raises(ClientAuthenticationError),
    ):
        anonymous.get_manifest("shop/web", "1.0.0")
    with warnings.catch_warnings():  # the refused client leaves its connection to the garbage collector
        warnings.simplefilter("ignore", ResourceWarning)
        del anonymous
        gc.collect()


UNKNOWN = {
    "repository": ("/acr/v1/no/such", "NAME_UNKNOWN"),
    "repository's tags": ("/acr/v1/no/such/_tags", "NAME_UNKNOWN"),
    "tag": ("/acr/v1/shop/web/_tags/none", "TAG_UNKNOWN"),
    "manifest": (f"/acr/v1/shop/web/_manifests/sha256:{'0' * 64}", "MANIFEST_UNKNOWN"),
}


@pytest.mark.parametrize("case", UNKNOWN)
def test_what_is_not_there_has_a_code_of_its_own(door: RegistryEndpoint, case: str) -> None:
    path, code = UNKNOWN[case]
    name = path.removeprefix("/acr/v1/").partition("/_")[0]
    answer = door.ask("GET", path, door.token(f"repository:{name}:metadata_read"))
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (404, code)


def test_a_tag_is_found_by_digest_and_a_long_list_comes_in_pages(door: RegistryEndpoint) -> None:
    token = door.token("repository:shop/web:metadata_read")
    whole = door.ask("GET", "/acr/v1/shop/web/_tags?n=500", token).json()["tags"]
    assert len(whole) >= 3
    paged, path = [], "/acr/v1/shop/web/_tags?n=2"
    while path:
        answer = door.ask("GET", path, token)
        page = answer.json()["tags"]
        assert 0 < len(page) <= 2
        paged += page
        path = answer.headers.get("Link", "").partition(">")[0].removeprefix("<")
    assert paged == whole
    digest = whole[0]["digest"]
    found = door.ask("GET", f"/acr/v1/shop/web/_tags?digest={digest}", token).json()["tags"]
    assert {tag["digest"] for tag in found} == {digest}


def test_what_is_attached_is_found_by_its_subject(door: RegistryEndpoint) -> None:
    base = image(annotations={"attached": "to"})
    door.push("attached/image", "1", base)
    subject = descriptor(base)
    signature = image(subject=subject, artifactType="application/vnd.test.signature")
    bill = image(subject=subject, artifactType="application/vnd.test.bill", annotations={"a": "b"})
    for attached in (signature, bill):
        answer = door.push("attached/image", "", attached)
        assert answer.headers["OCI-Subject"] == subject["digest"]
    token = door.token("repository:attached/image:pull")
    path = f"/v2/attached/image/referrers/{subject['digest']}"
    answer = door.ask("GET", path, token)
    assert answer.headers["Content-Type"] == INDEX
    assert "OCI-Filters-Applied" not in answer.headers
    found = {entry["digest"]: entry for entry in answer.json()["manifests"]}
    assert found.keys() == {descriptor(each)["digest"] for each in (signature, bill)}
    assert found[descriptor(bill)["digest"]]["annotations"] == {"a": "b"}
    answer = door.ask("GET", f"{path}?artifactType=application/vnd.test.bill", token)
    assert answer.headers["OCI-Filters-Applied"] == "artifactType"
    assert [entry["digest"] for entry in answer.json()["manifests"]] == [descriptor(bill)["digest"]]
    assert door.ask("GET", f"/v2/attached/image/referrers/sha256:{'0' * 64}", token).json()["manifests"] == []
    assert door.ask("GET", "/v2/attached/image/referrers/nonsense", token).status_code == 400


def test_what_older_clients_list_under_a_tag_is_found_too(door: RegistryEndpoint) -> None:
    base, attached = image(annotations={"older": "way"}), image(annotations={"no": "subject"})
    digest = descriptor(base)["digest"]
    for manifest in (base, attached):
        door.push("attached/older", "", manifest)
    index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [descriptor(attached)]}
    door.push("attached/older", digest.replace(":", "-"), index)
    token = door.token("repository:attached/older:pull")
    found = door.ask("GET", f"/v2/attached/older/referrers/{digest}", token).json()["manifests"]
    assert [entry["digest"] for entry in found] == [descriptor(attached)["digest"]]


def test_a_push_without_a_subject_names_none(door: RegistryEndpoint) -> None:
    assert "OCI-Subject" not in door.push("attached/nothing", "1", image()).headers


def test_a_head_tells_size_and_digest_and_sends_no_body(door: RegistryEndpoint) -> None:
    token = door.token("repository:shop/web:pull")
    head = door.ask("HEAD", "/v2/shop/web/manifests/1.0.0", token, headers={"Accept": MANIFEST})
    whole = door.ask("GET", "/v2/shop/web/manifests/1.0.0", token, headers={"Accept": MANIFEST})
    assert head.status_code == whole.status_code == 200
    assert head.content == b""
    assert head.headers["Docker-Content-Digest"] == digest_of(whole.content)
    assert int(head.headers["Content-Length"]) == len(whole.content)


def test_the_docker_configuration_of_the_environment_opens_every_registry(
    sandbox_environment: dict[str, str], door: RegistryEndpoint
) -> None:
    config = json.loads((Path(sandbox_environment["DOCKER_CONFIG"]) / "config.json").read_text())
    user, _, password = base64.b64decode(config["auths"][door.server]["auth"]).decode().partition(":")
    assert user == NOBODY
    query = {"service": door.server, "scope": "repository:shop/web:pull,push"}
    trusted = sandbox_environment["SSL_CERT_FILE"]
    url = f"https://{door.server}/oauth2/token"
    answer = requests.get(url, params=query, auth=(user, password), verify=trusted, timeout=60)
    token = answer.json()["access_token"]
    assert door.ask("GET", "/v2/shop/web/tags/list", token).json()["name"] == "shop/web"


def test_every_door_shows_what_it_was_asked_in_the_log(door: RegistryEndpoint) -> None:
    door.token("repository:shop/web:pull")
    said = subprocess.run(
        [sys.executable, "-m", "sandbox", "log"], cwd=CHECKOUT, capture_output=True, text=True, check=True
    ).stdout
    assert f"{door.server}/oauth2/exchange" in said
    assert "eyJ" not in said

"""Generated requests to all endpoints get one of Azure's errors: no traceback and no status 500."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandbox import lifecycle
from sandbox.arm.routing import TYPES
from sandbox.cloud.cloud import Cloud
from sandbox.cloud.definitions import SOURCE
from sandbox.cloud.paths import Paths
from sandbox.keyvault import data_plane
from tests.sandbox.strange import ANYTHING, NAMES, bodies, names, versions

GROUP = "fuzz"
THERE = {
    "registries": "fuzzregistry",
    "storageaccounts": "fuzzaccount",
    "vaults": "fuzz-vault",
    "blobservices": "default",
    "managementpolicies": "default",
    "containers": "fuzz-container",
    "exportpipelines": "fuzzExport",
    "importpipelines": "fuzzImport",
    "pipelineruns": "fuzzRun",
    "userassignedidentities": "fuzz-identity",
    "locations": SOURCE.location,
    "roleassignments": str(uuid.uuid4()),
    "secrets": "fuzz-secret",
    "diagnosticsettings": "fuzz-setting",
}
"""Names of existing and new resources in the group of these tests."""

PARENTS: dict[str, tuple[str, dict[str, Any]]] = {
    "registries": ("2023-01-01-preview", {"sku": {"name": "Premium"}}),
    "storageAccounts": ("2024-01-01", {"sku": {"name": "Standard_LRS"}, "kind": "StorageV2"}),
    "vaults": (
        "2024-11-01",
        {"properties": {"tenantId": SOURCE.tenant, "sku": {"name": "standard"}, "accessPolicies": []}},
    ),
    "userAssignedIdentities": ("2023-01-31", {}),
}
unhurried = settings(max_examples=15, suppress_health_check=list(HealthCheck))


class Endpoints:
    """The endpoints of the source cloud, and the responses that they may return."""

    def __init__(self, paths: Paths) -> None:
        self.cloud = Cloud(SOURCE, paths)
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.verify = str(paths.authority)
        self.running = lifecycle.require_running(paths)
        self.log = paths.log
        self.bearer = {"Authorization": f"Bearer {self.cloud.operator_token(self.cloud.audience)}"}

    def send(self, method: str, url: str, **options: Any) -> requests.Response:
        return self.session.request(method, url, timeout=60, allow_redirects=False, **options)

    def arm(self, method: str, path: str, version: str, body: Any = None, **query: str) -> requests.Response:
        """Send a management request, whose response must have Azure's format."""
        asked = {**({"api-version": version} if version else {}), **query}
        data = None if body is None else json.dumps(body).encode()
        headers = {**self.bearer, "Content-Type": "application/json"}
        answer = self.send(method, self.cloud.arm + path, params=asked, data=data, headers=headers)
        azures(answer)
        assert answer.headers["x-ms-request-id"]
        assert answer.headers["x-ms-correlation-request-id"]
        return answer


def azures(answer: requests.Response) -> None:
    """Check that a response is not a server error, and that an error has Azure's format."""
    assert answer.status_code < 500, answer.text
    if answer.content:
        body = answer.json()
        if answer.status_code >= 400:
            assert body["error"]["code"], answer.text
            assert body["error"]["message"], answer.text


@pytest.fixture(scope="module")
def endpoints(paths: Paths) -> Iterator[Endpoints]:
    """Endpoints with one parent resource of each type; at the end the log must have no traceback."""
    found = Endpoints(paths)
    base = f"/subscriptions/{SOURCE.subscription}/resourceGroups/{GROUP}"
    found.arm("PUT", base, "2024-11-01", {"location": SOURCE.location})
    for kind in TYPES.values():
        namespace, _, plural = kind.name.partition("/")
        if plural in PARENTS:
            version, body = PARENTS[plural]
            path = f"{base}/providers/{namespace}/{plural}/{THERE[plural.lower()]}"
            made = found.arm("PUT", path, version, {"location": SOURCE.location, **body})
            assert made.status_code in (200, 201, 202), made.text
    policy = {"objectId": SOURCE.operator, "tenantId": SOURCE.tenant, "permissions": {"secrets": ["all"]}}
    place = f"{base}/providers/Microsoft.KeyVault/vaults/fuzz-vault/accessPolicies/add"
    found.arm("PUT", place, "2024-11-01", {"properties": {"accessPolicies": [policy]}})
    yield found
    found.arm("DELETE", base, "2024-11-01")
    assert "Traceback" not in found.log.read_text()


def paths(data: st.DataObject, name: str) -> str:
    """A path to a resource of a type, in any case, below existing or missing parents."""
    namespace, *plurals = name.split("/")
    group = data.draw(st.sampled_from([GROUP, GROUP, GROUP.upper(), "nowhere"]))
    path = f"/subscriptions/{SOURCE.subscription}/resourceGroups/{group}"
    if namespace == "Microsoft.Authorization" or namespace == "Microsoft.Insights":
        path += data.draw(st.sampled_from(["", "/providers/Microsoft.KeyVault/vaults/fuzz-vault"]))
    if plurals[0] == "locations" or plurals[0] == "deletedVaults":
        path = f"/subscriptions/{SOURCE.subscription}"
    path += f"/providers/{data.draw(st.sampled_from([namespace, namespace.upper()]))}"
    for number, plural in enumerate(plurals):
        last = number == len(plurals) - 1
        there = THERE.get(plural.lower(), "")
        known = "/".join((namespace, *plurals[: number + 1])).lower()
        one = names(TYPES[known], there) if last and known in TYPES else st.just(there)
        path += f"/{plural}/{quote(data.draw(one), safe='')}"
    return path


@pytest.mark.parametrize("name", sorted(TYPES))
@unhurried
@given(data=st.data())
def test_a_resource_type_handles_any_request(name: str, data: st.DataObject, endpoints: Endpoints) -> None:
    kind = TYPES[name]
    method = data.draw(st.sampled_from(["PUT", "PUT", "PATCH", "GET", "DELETE", "HEAD", "POST", "LIST"]))
    path = paths(data, kind.name)
    if method == "DELETE" and path.rpartition("/")[2] in {THERE[each.lower()] for each in PARENTS}:
        method = "GET"  # the others need it
    if method == "LIST":
        method, path = "GET", path.rpartition("/")[0]
    if method == "POST":
        path += f"/{data.draw(st.sampled_from([*kind.actions, 'nothing', 'checkNameAvailability']))}"
    body = data.draw(bodies(kind.schema)) if method in ("PUT", "PATCH", "POST") else None
    query = {"$top": data.draw(st.sampled_from(["1", "0", "x", "-1", "9" * 40]))} if method == "GET" else {}
    endpoints.arm(method, path, data.draw(versions(kind)), body, **query)


@unhurried
@given(
    method=st.sampled_from(["GET", "PUT", "POST", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE"]),
    segments=st.lists(
        st.one_of(
            NAMES,
            st.sampled_from(
                ["subscriptions", SOURCE.subscription, "resourceGroups", GROUP, "providers", "tenants",
                 "Microsoft.ContainerRegistry", "registries", "operationResults", "resources", "locations",
                 "Microsoft.Authorization", "roleDefinitions", "register", "operationStatuses"]
            ),
            st.text(max_size=8),
        ),
        max_size=9,
    ),
    sent=st.one_of(
        st.binary(max_size=30), st.sampled_from([b"[" * 2000, b'{"a":NaN}', b'{"a":"\\ud800"}', b"\xff"])
    ),
)  # fmt: skip
def test_any_path_and_any_bytes_get_a_response(
    method: str, segments: list[str], sent: bytes, endpoints: Endpoints
) -> None:
    path = "/" + "/".join(quote(each, safe="") for each in segments)
    url = f"{endpoints.cloud.arm}{path}?api-version=2024-11-01"
    answer = endpoints.send(method, url, data=sent, headers=endpoints.bearer)
    if not path.endswith("token"):
        azures(answer)


@unhurried
@given(data=st.data())
def test_a_vault_handles_any_request(data: st.DataObject, endpoints: Endpoints) -> None:
    method = data.draw(st.sampled_from(["GET", "PUT", "PATCH", "DELETE", "POST"]))
    name = data.draw(st.one_of(st.sampled_from(["one", "two"]), NAMES))
    path = data.draw(st.sampled_from(["secrets", "deletedsecrets"]))
    tail = data.draw(st.sampled_from(["", f"/{quote(name, safe='')}"]))
    if tail:
        tail += data.draw(st.sampled_from(["", "/", "/versions", "/recover", f"/{'0' * 32}", "/nothing"]))
    shape = data_plane.SCHEMAS["set"]
    body = json.dumps(data.draw(bodies(shape))).encode()
    version = data.draw(st.sampled_from(["7.4", "7.4", "2026-04-01", "", "8"]))
    most = data.draw(st.sampled_from(["", "1", "x", "-1"]))
    port = endpoints.cloud.ports.of("vault/fuzz-vault")
    token = endpoints.cloud.operator_token(SOURCE.vault_audience)
    url = f"https://localhost:{port}/{path}{tail}?api-version={version}&maxresults={most}"
    azures(endpoints.send(method, url, data=body, headers={"Authorization": f"Bearer {token}"}))


FORMS = st.dictionaries(
    st.sampled_from(
        ["grant_type", "client_id", "client_secret", "scope", "resource", "client_assertion_type",
         "client_assertion", "access_token", "refresh_token", "service", "username", "password"]
    ),
    st.one_of(
        st.text(max_size=20),
        st.sampled_from(
            ["client_credentials", "refresh_token", "https://vault.azure.net/.default", "a.b.c",
             "urn:ietf:params:oauth:client-assertion-type:jwt-bearer", SOURCE.operator_application]
        ),
    ),
)  # fmt: skip


@unhurried
@given(form=FORMS, tenant=st.one_of(st.just(SOURCE.tenant), NAMES.filter(bool)), old=st.booleans())
def test_an_invalid_sign_in_gets_entras_error(
    form: dict[str, str], tenant: str, old: bool, endpoints: Endpoints
) -> None:
    path = "oauth2/token" if old else "oauth2/v2.0/token"
    answer = endpoints.send("POST", f"{endpoints.cloud.arm}/{quote(tenant, safe='')}/{path}", data=form)
    assert answer.status_code in (400, 401, 404, 405), answer.text
    body = answer.json()
    assert "AADSTS" in body.get("error_description", "") or body["error"]["code"]


@unhurried
@given(form=FORMS, query=st.booleans())
def test_the_identity_endpoint_handles_any_request(
    form: dict[str, str], query: bool, endpoints: Endpoints
) -> None:
    header = {"X-IDENTITY-HEADER": endpoints.running["identity"]["header"]} if query else {}
    answer = endpoints.send("GET", endpoints.running["identity"]["endpoint"], params=form, headers=header)
    assert answer.status_code in (200, 400, 401), answer.text
    assert answer.json()


@unhurried
@given(
    form=FORMS,
    method=st.sampled_from(["GET", "POST", "PUT", "DELETE", "PATCH"]),
    start=st.sampled_from(
        ["oauth2/exchange", "oauth2/token", "v2/", "acr/v1/", "v2/a/manifests/", "acr/v1/_catalog"]
    ),
    name=NAMES,
    header=st.sampled_from(["", "Basic !", "Basic YTpi", "Bearer a.b.c", "Bearer", "Nothing"]),
)
def test_a_registry_handles_any_request(
    form: dict[str, str], method: str, start: str, name: str, header: str, endpoints: Endpoints
) -> None:
    server = endpoints.cloud.login_server("fuzzregistry")
    url = f"https://{server}/{start}{quote(name, safe='') if start.endswith('/') else ''}"
    headers = {"Authorization": header} if header else {}
    answer = endpoints.send(method, url, data=form, headers=headers)
    assert answer.status_code < 500, answer.text


@unhurried
@given(body=ANYTHING)
def test_any_json_body_gets_a_response(body: Any, endpoints: Endpoints) -> None:
    path = f"/subscriptions/{SOURCE.subscription}/resourceGroups/{GROUP}"
    endpoints.arm("PATCH", path, "2024-11-01", body)

"""The protocol of the management endpoint: methods, versions, pages, operations, errors."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
import requests

from sandbox.arm.routing import TYPES
from sandbox.cloud.cloud import Cloud
from sandbox.cloud.definitions import SOURCE
from sandbox.cloud.paths import Paths
from tests.sandbox.faults import control
from tests.sandbox.here import sandbox_status

GROUP = "tests-wire"
BASE = f"/subscriptions/{SOURCE.subscription}"
INSIDE = f"{BASE}/resourceGroups/{GROUP}"
IDENTITIES = f"{INSIDE}/providers/Microsoft.ManagedIdentity/userAssignedIdentities"
REGISTRY = f"{BASE}/resourceGroups/images/providers/Microsoft.ContainerRegistry/registries/{SOURCE.registry}"
PLACE = {"location": SOURCE.location}


class Arm:
    """A client of the source cloud's management endpoint."""

    def __init__(self, paths: Paths) -> None:
        self.paths, self.cloud = paths, Cloud(SOURCE, paths)
        status = sandbox_status()["source"]
        self.url, self.token, self.trust = status["arm"], status["token"], status["ca"]

    def ask(self, method: str, path: str, version: str = "", body: Any = None, **more: Any) -> Any:
        url = path if path.startswith("https://") else self.url + path
        headers = {"Authorization": f"Bearer {more.pop('token', self.token)}", **more.pop("headers", {})}
        params = {"api-version": version, **more} if version else more
        return requests.request(
            method, url, params=params, json=body, headers=headers, verify=self.trust, timeout=60
        )


@pytest.fixture(scope="module")
def arm(paths: Paths) -> Arm:
    found = Arm(paths)
    assert found.ask("PUT", INSIDE, "2024-11-01", PLACE).status_code == 201
    return found


def test_a_response_returns_the_request_ids_of_the_client(arm: Arm) -> None:
    given = {"x-ms-correlation-request-id": str(uuid.uuid4()), "x-ms-client-request-id": str(uuid.uuid4())}
    plain = arm.ask("GET", INSIDE, "2024-11-01", headers=given)
    assert plain.headers["x-ms-correlation-request-id"] == given["x-ms-correlation-request-id"]
    assert "x-ms-client-request-id" not in plain.headers
    asked = {**given, "x-ms-return-client-request-id": "true"}
    answer = arm.ask("GET", INSIDE, "2024-11-01", headers=asked)
    assert answer.headers["x-ms-client-request-id"] == given["x-ms-client-request-id"]
    assert answer.headers["x-ms-request-id"] != plain.headers["x-ms-request-id"]


def test_a_patch_changes_only_its_properties_and_replaces_tags(arm: Arm) -> None:
    path = f"{IDENTITIES}/patched"
    made = arm.ask("PUT", path, "2024-11-30", {**PLACE, "tags": {"a": "1", "b": "2"}}).json()
    changed = arm.ask("PATCH", path, "2024-11-30", {"tags": {"c": "3"}}).json()
    assert changed == {**made, "tags": {"c": "3"}}
    assert arm.ask("PATCH", f"{IDENTITIES}/nothing", "2024-11-30", {}).status_code == 404
    pipeline = f"{REGISTRY}/exportPipelines/somePipeline"
    assert arm.ask("PATCH", pipeline, "2023-01-01-preview", {}).status_code in (404, 405)


def test_a_list_has_pages_with_links_to_the_next(arm: Arm) -> None:
    names = [f"paged-{number}" for number in range(5)]
    for name in names:
        arm.ask("PUT", f"{IDENTITIES}/{name}", "2024-11-30", PLACE)
    found, link = [], f"{IDENTITIES}?api-version=2024-11-30&$top=2"
    while link:
        page = arm.ask("GET", link).json()
        assert len(page["value"]) <= 2
        found += [each["name"] for each in page["value"]]
        link = page.get("nextLink", "")
    assert [name for name in found if name in names] == names
    assert arm.ask("GET", IDENTITIES, "2024-11-30", **{"$skiptoken": "!"}).status_code == 400


def test_a_configured_page_size_applies_to_all_lists(arm: Arm) -> None:
    for number in range(3):
        arm.ask("PUT", f"{IDENTITIES}/short-{number}", "2024-11-30", PLACE)
    with control.choice(arm.paths, "source", "page-size", "2"):
        page = arm.ask("GET", IDENTITIES, "2024-11-30").json()
    assert len(page["value"]) == 2
    assert arm.ask("GET", page["nextLink"]).json()["value"]


def test_an_operation_can_be_configured_to_finish_immediately(arm: Arm) -> None:
    group = f"{BASE}/resourceGroups/tests-wire-quick"
    arm.ask("PUT", group, "2024-11-01", PLACE)
    with control.choice(arm.paths, "source", "polls", "0"):
        begun = arm.ask("DELETE", group, "2024-11-01")
    assert arm.ask("GET", begun.headers["Location"]).status_code == 200


def test_both_kinds_of_operation_urls_report_the_end(arm: Arm) -> None:
    name = f"wire{uuid.uuid4().hex[:12]}"
    path = f"{INSIDE}/providers/Microsoft.Storage/storageAccounts/{name}"
    body = {**PLACE, "sku": {"name": "standard_lrs"}, "kind": "StorageV2"}
    begun = arm.ask("PUT", path, "2024-01-01", body)
    assert (begun.status_code, begun.content) == (202, b"")
    polls = [arm.ask("GET", begun.headers["Location"]) for _ in range(2)]
    assert [each.status_code for each in polls] == [202, 200]
    assert polls[0].headers["Location"] == begun.headers["Location"]
    assert polls[1].json()["name"] == name
    gone = arm.ask("GET", begun.headers["Location"].replace("storage-", "other-"))
    assert gone.status_code == 404


def test_a_new_vault_shows_the_registration_of_its_name_with_a_polling_interval(arm: Arm) -> None:
    path = f"{INSIDE}/providers/Microsoft.KeyVault/vaults/wire-{uuid.uuid4().hex[:12]}"
    properties = {"tenantId": SOURCE.tenant, "sku": {"name": "standard"}, "enableRbacAuthorization": True}
    answers = [arm.ask("PUT", path, "2024-11-01", {**PLACE, "properties": properties})]
    answers += [arm.ask("GET", path, "2024-11-01") for _ in range(2)]
    states = [each.json()["properties"]["provisioningState"] for each in answers]
    assert states == ["RegisteringDns", "RegisteringDns", "Succeeded"]
    assert [each.headers.get("Retry-After") for each in answers] == ["1", "1", None]


def test_deleting_a_group_deletes_its_resources(arm: Arm) -> None:
    group = f"{BASE}/resourceGroups/tests_wire-gone"
    beside = f"{BASE}/resourceGroups/testsXwire-gone"  # LIKE would take the underscore for any letter
    for each in (group, beside):
        arm.ask("PUT", each, "2024-11-01", PLACE)
        identity = f"{each}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/inside"
        arm.ask("PUT", identity, "2024-11-30", PLACE)
    begun = arm.ask("DELETE", group, "2024-11-01")
    assert begun.status_code == 202
    assert [arm.ask("GET", begun.headers["Location"]).status_code for _ in range(2)] == [202, 200]
    assert arm.ask("HEAD", group, "2024-11-01").status_code == 404
    assert [each["name"] for each in arm.ask("GET", f"{beside}/resources", "2021-04-01").json()["value"]] == [
        "inside"
    ]
    listed = arm.ask(
        "GET", f"{BASE}/resources", "2021-04-01", **{"$filter": "resourceGroup eq 'tests_wire-gone'"}
    )
    assert listed.json() == {"value": []}


def test_a_version_returns_only_its_properties(arm: Arm) -> None:
    def shown(version: str) -> set[str]:
        properties = arm.ask("GET", REGISTRY, version).json()["properties"]
        return {*properties, *properties["policies"]}

    assert "exportPolicy" not in shown("2020-11-01-preview")
    assert "softDeletePolicy" not in shown("2025-04-01")
    assert {"exportPolicy", "softDeletePolicy"} <= shown("2023-01-01-preview")
    assert "endpointProtocol" not in shown("2025-03-01-preview")
    assert "endpointProtocol" in shown("2026-01-01-preview")


def test_read_only_properties_in_a_request_are_ignored(arm: Arm) -> None:
    sent = {"tags": {}, "properties": {"loginServer": "evil.example", "provisioningState": "Failed"}}
    answer = arm.ask("PATCH", REGISTRY, "2023-01-01-preview", sent).json()["properties"]
    assert answer["provisioningState"] == "Succeeded"
    assert answer["loginServer"] == arm.cloud.login_server(SOURCE.registry)


def test_enumeration_values_are_case_insensitive(arm: Arm) -> None:
    body = {**PLACE, "sku": {"name": "PREMIUM"}, "properties": {"publicNetworkAccess": "enabled"}}
    answer = arm.ask("PUT", REGISTRY, "2023-01-01-preview", body).json()
    assert (answer["sku"]["name"], answer["properties"]["publicNetworkAccess"]) == ("Premium", "Enabled")


STORAGE = f"{INSIDE}/providers/Microsoft.Storage"
ROLE = f"providers/Microsoft.Authorization/roleAssignments/{uuid.uuid4()}"
ELSEWHERE = f"/subscriptions/{uuid.uuid4()}/resourceGroups/x"
NO_PARENT = f"{STORAGE}/storageAccounts/nothing/blobServices/default/containers/one"
NOT_THERE = f"{INSIDE}/providers/Microsoft.Nothing/things/one"
ACR = "2023-01-01-preview"
REFUSED: dict[str, tuple[str, str, str, Any, int, str]] = {
    "the wrong subscription": ("GET", ELSEWHERE, "2024-11-01", None, 404, "SubscriptionNotFound"),
    "an unknown namespace": ("GET", NOT_THERE, "2024-11-01", None, 404, "InvalidResourceNamespace"),
    "an unknown type": ("GET", f"{STORAGE}/things/one", "2024-01-01", None, 404, "InvalidResourceType"),
    "an unknown version": ("GET", REGISTRY, "2016-06-27-preview", None, 400, "NoRegisteredProviderFound"),
    "an unknown version of a group": ("GET", INSIDE, "2001-01-01", None, 400, "InvalidApiVersionParameter"),
    "a missing parent": ("GET", NO_PARENT, "2024-01-01", None, 404, "ParentResourceNotFound"),
    "a missing scope": ("PUT", f"{IDENTITIES}/nothing/{ROLE}", "2022-04-01", {}, 404, "ResourceNotFound"),
    "a verb that the type has not": ("POST", REGISTRY, ACR, None, 405, "MethodNotAllowed"),
    "a body of the wrong kind": ("PUT", REGISTRY, ACR, {"sku": "Premium"}, 400, "InvalidRequestContent"),
    "no word of an enumeration": (
        "PATCH",
        REGISTRY,
        ACR,
        {"properties": {"publicNetworkAccess": "Maybe"}},
        400,
        "InvalidRequestContent",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_an_invalid_request_gets_azures_code(case: str, arm: Arm) -> None:
    method, path, version, body, status, code = REFUSED[case]
    answer = arm.ask(method, path, version, body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code), answer.text


def test_an_invalid_body_is_refused_with_all_its_faults(arm: Arm) -> None:
    vault = f"{INSIDE}/providers/Microsoft.KeyVault/vaults/wire-vault"
    answer = arm.ask("PUT", vault, "2024-11-01", {**PLACE, "properties": {"enableSoftDelete": "yes"}})
    message = answer.json()["error"]["message"]
    for part in (
        "properties.tenantId",
        "properties.sku",
        "properties.enableSoftDelete must be of type boolean",
    ):
        assert part in message


def test_an_invalid_token_is_refused_with_its_fault(arm: Arm) -> None:
    tokens, audience = arm.cloud.tokens, arm.cloud.audience
    wrong = {
        "ExpiredAuthenticationToken": tokens.issue(SOURCE.operator, audience, seconds=-600),
        "InvalidAuthenticationTokenAudience": tokens.issue(SOURCE.operator, SOURCE.vault_audience),
        "InvalidAuthenticationTokenTenant": sandbox_status()["target"]["token"],
        "InvalidAuthenticationToken": f"{arm.token[:-4]}AAAA",
    }
    for code, token in wrong.items():
        answer = arm.ask("GET", INSIDE, "2024-11-01", token=token)
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, code)
        assert arm.cloud.authority in answer.headers["WWW-Authenticate"]


@pytest.mark.parametrize("name", [kind.name for kind in TYPES.values() if kind.put])
def test_every_version_of_a_type_supports_a_list(name: str, arm: Arm) -> None:
    """Every listed version is served; a missing parent is an error."""
    kind = TYPES[name.lower()]
    plurals = name.split("/")
    above = "/".join(f"{each}/missing" for each in plurals[1:-1])
    path = f"{INSIDE}/providers/{plurals[0]}/{above}{'/' if above else ''}{plurals[-1]}"
    for version in kind.versions:
        answer = arm.ask("GET", path, version)
        assert answer.status_code == (404 if above else 200), answer.text
        assert version in answer.headers.get("api-supported-versions", version)

"""Recorded exchanges with Azure: the sandbox returns the same status, keys and types of values.

The exchanges are no part of this project. RECORDED_TRAFFIC names the folder that holds them.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import requests

from sandbox import lifecycle
from sandbox.cloud.cloud import Cloud
from sandbox.cloud.definitions import SOURCE
from sandbox.cloud.paths import Paths
from sandbox.storage import blobs

FOLDER = os.environ.get("RECORDED_TRAFFIC", "")
GROUP = "tests-recorded"
pytestmark = pytest.mark.skipif(not FOLDER, reason="RECORDED_TRAFFIC names no folder of recorded exchanges")
RECORDED = {path.stem: json.loads(path.read_text()) for path in sorted(Path(FOLDER).glob("*.json")) if FOLDER}

WORDS = {
    "type",
    "status",
    "provisioningState",
    "code",
    "defaultAction",
    "bypass",
    "kind",
    "tier",
    "permissions",
}
"""Keys whose values must be equal to Azure's."""


class Cast:
    """The resources that exist in the recordings, created in the sandbox under other names."""

    def __init__(self, paths: Paths) -> None:
        self._arm = lifecycle.require_running(paths)["arm"][SOURCE.side]
        self._trust, self._cloud = str(paths.bundle), Cloud(SOURCE, paths)
        self._headers = {"Authorization": f"Bearer {self._cloud.operator_token(self._cloud.audience)}"}
        names = {"registries": "recordedregistry", "storageAccounts": "recordedaccount"}
        self.names = {**names, "vaults": "recorded-vault", "userAssignedIdentities": "recorded-identity"}

    def place(self, path: str) -> str:
        """A recorded path with the sandbox's names."""
        path = re.sub('(?i)/subscriptions/[^/"]+', f"/subscriptions/{SOURCE.subscription}", path)
        path = re.sub('(?i)(/resourcegroups)/[^/?"]+', rf"\1/{GROUP}", path)
        for kind, name in self.names.items():
            path = re.sub(rf"(?i)(/{kind})/[^/?\"]+", rf"\1/{name}", path)
        return path.replace("/locations/westus", f"/locations/{SOURCE.location}")

    def send(self, method: str, path: str, body: Any = None) -> requests.Response:
        """Send a management request."""
        url = path if path.startswith("https://") else self._arm + path
        return requests.request(
            method,
            url,
            json=body,
            headers=self._headers,
            verify=self._trust,
            timeout=60,
            allow_redirects=False,
        )

    def exchange(self, name: str) -> requests.Response:
        """Send a recorded request."""
        recorded = RECORDED[name]
        body = json.loads(self.place(json.dumps(recorded["request_body"])))
        return self.send(recorded["method"], self.place(recorded["path"]), body)

    def vault(self, method: str, path: str, *, token: bool, body: Any = None) -> requests.Response:
        """Send a request to the vault's endpoint."""
        port = self._cloud.ports.of(f"vault/{self.names['vaults']}")
        bearer = self._cloud.operator_token(SOURCE.vault_audience)
        headers = {"Authorization": f"Bearer {bearer}"} if token else {}
        url = f"https://localhost:{port}{path}"
        return requests.request(method, url, json=body, headers=headers, verify=self._trust, timeout=60)


@pytest.fixture(scope="module")
def answers(paths: Paths) -> dict[str, requests.Response]:
    """All recorded requests, in the order of their dependencies."""
    cast = Cast(paths)
    group = f"/subscriptions/{SOURCE.subscription}/resourceGroups/{GROUP}?api-version=2024-11-01"
    cast.send("PUT", group, {"location": "westus", "tags": {"product": "x"}})
    found: dict[str, requests.Response] = {"vault_get_404": cast.exchange("vault_get_404")}
    for name in ("rg_get", "registry_put_201_async", "identity_put_201"):
        found[name] = cast.exchange(name)
    poll = found["registry_put_201_async"].headers["Azure-AsyncOperation"]
    found |= {name: cast.send("GET", poll) for name in ("registry_poll_creating", "registry_poll_succeeded")}
    found["import_list_empty_2019"] = cast.exchange("import_list_empty_2019")
    account = f"{group.partition('?')[0]}/providers/Microsoft.Storage/storageAccounts/recordedaccount"
    made = {"location": "westus", "kind": "StorageV2", "sku": {"name": "Standard_LRS"}, "properties": {}}
    cast.send("PUT", f"{account}?api-version=2025-06-01", made)
    _vault_scene(cast, found)
    done = {*found, "blob_container_put_dataplane"}
    ends = ("delete", "poll")
    for name in [each for each in RECORDED if each not in done and not any(end in each for end in ends)]:
        if (made_by := name.replace("_get_", "_put_")) in RECORDED:
            found[made_by] = cast.exchange(made_by)
        found[name] = cast.exchange(name)
    found["blob_container_put_dataplane"] = _container(cast, paths)
    for name in ("export_delete_200", "import_delete_200", "identity_delete_200", "vault_delete_200"):
        found[name] = cast.exchange(name)
    found["registry_delete_202"] = cast.exchange("registry_delete_202")
    poll = found["registry_delete_202"].headers["Location"]
    ends = ("registry_delete_poll_202", "registry_delete_poll_200")
    return found | {name: cast.send("GET", poll) for name in ends}


def _vault_scene(cast: Cast, found: dict[str, requests.Response]) -> None:
    recorded = RECORDED["vault_put_200"]
    body = json.loads(json.dumps(recorded["request_body"]))
    for policy in body["properties"]["accessPolicies"]:
        policy["objectId"] = SOURCE.operator
    found["vault_put_200"] = cast.send("PUT", cast.place(recorded["path"]), body)
    place = "/secrets/sas-token-secret?api-version=7.4"
    found["secret_put_401_dataplane"] = cast.vault("PUT", place, token=False)
    sent = RECORDED["secret_put_200_dataplane"]["request_body"]
    found["secret_put_200_dataplane"] = cast.vault("PUT", place, token=True, body=sent)


def _container(cast: Cast, paths: Paths) -> requests.Response:
    cloud = Cloud(SOURCE, paths)
    headers = {"x-ms-version": "2023-11-03", "Content-Length": "0"}
    headers["Authorization"] = f"Bearer {cloud.operator_token(blobs.AUDIENCE)}"
    url = f"https://localhost:{cloud.ports.of('storage')}/recordedaccount/export-container?restype=container"
    return requests.put(url, headers=headers, verify=str(paths.bundle), timeout=60)


@pytest.mark.parametrize("name", RECORDED)
def test_a_recorded_request_gets_azures_response(name: str, answers: dict[str, requests.Response]) -> None:
    recorded, answer = RECORDED[name], answers[name]
    assert answer.status_code == recorded["status"], answer.text
    for header in {"x-ms-failure-cause", "azure-asyncoperation", "location", "www-authenticate"}:
        assert (header in recorded["response_headers"]) <= (header in answer.headers), header
    assert versions(recorded["response_headers"]) <= versions(answer.headers)
    if recorded["response_body"] is None:
        assert answer.content == b""
        return
    assert differences(recorded["response_body"], _own(answer.json())) == []


def _own(body: Any) -> Any:
    """The body without the storage accounts of other tests, which a list of the subscription contains."""
    listed = body.get("value") if isinstance(body, dict) else None
    own = [each for each in listed or [] if isinstance(each, dict) and each.get("name") == "recordedaccount"]
    return {**body, "value": own} if own else body


def versions(headers: Mapping[str, str]) -> set[str]:
    """The versions in the header api-supported-versions."""
    return {each for each in headers.get("api-supported-versions", "").split(", ") if each}


def differences(expected: Any, got: Any, path: str = "") -> list[str]:
    """The differences of two bodies: missing and additional keys, other types, other fixed values."""
    if isinstance(expected, dict) and isinstance(got, dict):
        if path.endswith(("userAssignedIdentities", ".tags")):
            expected = dict(zip(got, expected.values(), strict=False))
        found = [f"{path}: {sorted(set(expected) ^ set(got))}"] if set(expected) != set(got) else []
        for key in set(expected) & set(got):
            found += differences(expected[key], got[key], f"{path}.{key}")
        return found
    if isinstance(expected, list) and isinstance(got, list):
        pairs = zip(expected, got, strict=False)
        return [each for old, new in pairs for each in differences(old, new, f"{path}[]")]
    if type(expected) is not type(got):
        return [f"{path}: {expected!r} became {got!r}"]
    known = path.rpartition(".")[2] in WORDS
    return [f"{path}: {expected!r} became {got!r}"] if known and got != expected else []

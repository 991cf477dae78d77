"""The sandbox is for this user and this machine: foreign hosts are refused, and its state is private."""

from __future__ import annotations

import os
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import requests

from sandbox import lifecycle
from sandbox.cloud.cloud import Cloud
from sandbox.cloud.definitions import SOURCE
from sandbox.cloud.paths import Paths
from sandbox.http.azure_errors import SandboxError
from tests.sandbox.here import sandbox_status

FOREIGN = (
    "evil.example",
    "localhost.evil.example",
    "localhost@evil.example",
    "127.0.0.1.evil.example",
    "",
    "[",
)
OWN = ("localhost", "127.0.0.1:1", "LOCALHOST:443", "[::1]:5")


@pytest.fixture(scope="module")
def endpoints(paths: Paths) -> Mapping[str, str]:
    """One URL of each endpoint, a vault included."""
    status = sandbox_status()["source"]
    group = f"{status['arm']}/subscriptions/{SOURCE.subscription}/resourceGroups/tests-private"
    vault = f"{group}/providers/Microsoft.KeyVault/vaults/private-{uuid.uuid4().hex[:12]}"
    headers, place = {"Authorization": f"Bearer {status['token']}"}, {"location": SOURCE.location}
    properties = {"tenantId": SOURCE.tenant, "sku": {"name": "standard", "family": "A"}, "accessPolicies": []}
    bodies: dict[str, Any] = {group: place, vault: {**place, "properties": properties}}
    for url, body in bodies.items():
        url += "?api-version=2024-11-01"
        made = requests.put(url, json=body, headers=headers, verify=status["ca"], timeout=60)
        made.raise_for_status()
    running = lifecycle.require_running(paths)
    return {
        "management": f"{status['arm']}/subscriptions?api-version=2022-12-01",
        "metadata": f"{status['arm']}/metadata/endpoints?api-version=2019-05-01",
        "sign-in": f"{status['arm']}/{SOURCE.tenant}/oauth2/v2.0/token",
        "vault": f"{made.json()['properties']['vaultUri'].rstrip('/')}/secrets?api-version=7.4",
        "registry": f"https://{next(iter(status['registries'].values()))}/v2/",
        "token": f"https://{next(iter(status['registries'].values()))}/oauth2/token",
        "storage": f"https://localhost:{storage_port(paths)}/account/container",
        "identity": running["identity"]["endpoint"],
        "control": running["control"]["endpoint"],
    }


def storage_port(paths: Paths) -> int:
    cloud = Cloud(SOURCE, paths)
    try:
        return cloud.ports.of("storage")
    finally:
        cloud.database.close()


KINDS = ("management", "metadata", "sign-in", "vault", "registry", "token", "storage", "identity", "control")


def answer(url: str, host: str, paths: Paths) -> requests.Response:
    method = "POST" if url.endswith(("/faults", "/token")) and "/msi/" not in url else "GET"
    return requests.request(method, url, headers={"Host": host}, verify=str(paths.authority), timeout=60)


@pytest.mark.parametrize("kind", KINDS)
def test_a_request_for_a_foreign_host_is_refused_in_the_endpoints_own_form(
    kind: str, endpoints: Mapping[str, str], paths: Paths
) -> None:
    for host in FOREIGN:
        refused = answer(endpoints[kind], host, paths)
        assert refused.status_code == 421, (host, refused.text)
        if kind == "storage":
            assert ElementTree.fromstring(refused.text).findtext("Code") == "MisdirectedRequest"
        elif kind in ("registry", "token"):
            assert refused.json()["errors"][0]["code"] == "MisdirectedRequest"
        elif kind in ("identity", "control"):
            assert refused.json()["statusCode"] == 421
        else:
            assert refused.json()["error"]["code"] == "MisdirectedRequest"
    for host in OWN:
        assert answer(endpoints[kind], host, paths).status_code != 421, host


def test_a_state_folder_that_others_can_read_becomes_private(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state, elsewhere = tmp_path / "state", tmp_path / "elsewhere"
    elsewhere.write_text("not of the sandbox")
    elsewhere.chmod(0o644)
    (state / "stacks").mkdir(parents=True)
    (state / "stacks" / "backup.json").write_text("{}")
    (state / "bin").mkdir()
    (state / "bin" / "pulumi").write_text("#!/bin/sh\n")
    (state / "link").symlink_to(elsewhere)
    for path in (state, state / "stacks", state / "bin", state / "bin" / "pulumi"):
        path.chmod(0o755)
    (state / "stacks" / "backup.json").chmod(0o644)
    lifecycle._make_private(state)
    modes = {str(path.relative_to(state)): path.lstat().st_mode & 0o777 for path in state.rglob("*")}
    assert modes.pop("link")
    assert modes == {"stacks": 0o700, "stacks/backup.json": 0o600, "bin": 0o700, "bin/pulumi": 0o700}
    assert state.stat().st_mode & 0o777 == 0o700
    assert elsewhere.stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("command", [lifecycle.up, lifecycle.down, lifecycle.require_running])
def test_a_state_folder_that_is_a_link_or_of_another_user_is_refused(
    command: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert callable(command)
    target, link = tmp_path / "target", tmp_path / "link"
    target.mkdir()
    link.symlink_to(target)
    with pytest.raises(SandboxError, match=r"is a link\. Name a folder of your own: `ACR_TRANSFER_SANDBOX="):
        command(Paths(link, tmp_path))
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    with pytest.raises(SandboxError, match=r"belongs to another user\. Name a folder of your own"):
        command(Paths(target, tmp_path))
    assert list(target.iterdir()) == []

"""A state that somebody has exported: reviewed without its program, its cloud or its passphrase."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.policy_engine.reviews import Reviewed, review

URN = "urn:pulumi:prod::images::"
PROVIDER = f"{URN}pulumi:providers:azure-native::default"
ACCOUNT = "azure-native:storage:StorageAccount"
VAULT_SECRET = "azure-native:keyvault:Secret"
SECRET = "4dabf18193072939515e22adb298388d"
"""What marks a secret in a state: the engine's own constant."""

SEALED = {SECRET: "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "v1:c2VhbGVk:c2VhbGVk"}


def state(**properties: Any) -> dict[str, Any]:
    """A deployment with one storage account, and a secret that nobody here can open."""
    stack = {"urn": f"{URN}pulumi:pulumi:Stack::images-prod", "type": "pulumi:pulumi:Stack"}
    provider = {"urn": PROVIDER, "type": "pulumi:providers:azure-native", "custom": True, "id": "p-1"}
    given = {"resourceGroupName": "images", "accountName": "acimages", "minimumTlsVersion": "TLS1_2"}
    account = {"type": ACCOUNT, "urn": f"{URN}{ACCOUNT}::account", "id": "/accounts/acimages"}
    sealed = {"type": VAULT_SECRET, "urn": f"{URN}{VAULT_SECRET}::token", "id": "/secrets/token"}
    told = {"vaultName": "kv", "secretName": "token", "properties": {"value": SEALED}}
    own = {"custom": True, "provider": f"{PROVIDER}::p-1"}
    filled = [account | own | {"inputs": given | properties}, sealed | own | {"inputs": told}]
    resources = [stack, provider, *({**each, "outputs": each["inputs"]} for each in filled)]
    manifest = {"time": "2026-11-01T00:00:00Z", "magic": "", "version": ""}
    return {"version": 3, "deployment": {"manifest": manifest, "resources": resources}}


def reviewed(folder: Path, environment: dict[str, str], **properties: Any) -> Reviewed:
    file = folder / "exported.json"
    file.write_text(json.dumps(state(**properties)))
    without = {name: value for name, value in environment.items() if name != "PULUMI_CONFIG_PASSPHRASE"}
    return review(folder, without, "--state", str(file), profile="baseline")


def test_what_is_wrong_in_an_exported_state_is_found_and_only_that(
    tmp_path: Path, sandbox_environment: dict[str, str]
) -> None:
    good = reviewed(tmp_path, sandbox_environment)
    bad = reviewed(tmp_path, sandbox_environment, minimumTlsVersion="TLS1_0")
    assert "storage-min-tls" not in good.rules()
    assert bad.rules() - good.rules() == {"storage-min-tls"}
    assert bad.code == 1
    assert bad.report["stacks"][0]["resources"] == 4
    assert "exported.json" in bad.said

"""Every key of a stack's configuration, and the page of the docs that shows them.

Pulumi.yaml declares the keys with their type, default and meaning. `.venv/bin/python -m stack.keys` writes
docs/configuration.md from it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

DEFAULTS: dict[str, object] = {
    "side": "",
    "resourceGroup": "",
    "createResourceGroup": True,
    "location": "",
    "registry": "",
    "registryResourceGroup": "",
    "createRegistry": False,
    "storageAccount": "",
    "createStorageAccount": "",
    "container": "transfer",
    "createContainer": True,
    "blobRetentionDays": 60,
    "storageAccess": "SasToken",
    "vault": "",
    "createVault": "",
    "vaultAccess": "accessPolicy",
    "purgeProtection": True,
    "protect": False,
    "sasExpiry": "",
    "sasKey": "key1",
    "sasSecretName": "",
    "sasWarning": 20,
    "identity": "system",
    "pipeline": "",
    "options": [],
    "forceUpdateTag": "1",
    "maxConcurrentRuns": 10,
    "artifacts": [],
    "artifactsFile": "",
    "lock": "",
    "blobPrefix": "",
    "sourceTriggerStatus": "Enabled",
    "source": "",
    "handover": "",
}
"""Every key with what it is when nobody sets it, the same as in Pulumi.yaml; empty means missing."""

SOURCE_ONLY = ("artifacts", "artifactsFile", "lock", "blobPrefix")
"""Keys that only a source side has."""

TARGET_ONLY = ("sourceTriggerStatus", "source", "handover")
"""Keys that only a target side has."""

_ROOT = Path(__file__).resolve().parents[1]
_PAGE = """# Configuration

A stack is configured with `pulumi config set acr-transfer:<key> <value>`, or in its `Pulumi.<stack>.yaml`.
Entries of a list: `pulumi config set --path 'acr-transfer:artifacts[0]' shop/web:1.4.0`.
An empty value is no value. All faults of a configuration are told in one message, before anything is made,
each with the command that mends it; so is a key that there is none of.

The cloud is azure-native's own configuration: `azure-native:environment`, `azure-native:subscriptionId`,
`azure-native:location` ([all keys](https://www.pulumi.com/registry/packages/azure-native/installation-configuration/)).
Paths of files are read from the project's folder.

This page is written from Pulumi.yaml by `.venv/bin/python -m stack.keys`.

| Key | Side | Type | Default | Meaning |
| --- | --- | --- | --- | --- |
"""


def side_of_key(key: str) -> str:
    """Return the side that has this key: source, target or both."""
    return "source" if key in SOURCE_ONLY else "target" if key in TARGET_ONLY else "both"


def page(declared: dict[str, dict[str, Any]]) -> str:
    """Return docs/configuration.md for the declarations of Pulumi.yaml."""
    return _PAGE + "".join(_row(key, each) for key, each in declared.items())


def _row(key: str, declared: dict[str, Any]) -> str:
    default = declared["default"]
    shown = f"`{json.dumps(default).strip(chr(34))}`" if default not in ("", []) else ""
    return f"| `{key}` | {side_of_key(key)} | {declared['type']} | {shown} | {declared['description']} |\n"


def main() -> None:
    """Write the page anew."""
    import yaml  # comes with pulumi; a deployment does not need it

    declared = yaml.safe_load((_ROOT / "Pulumi.yaml").read_text())["config"]
    (_ROOT / "docs" / "configuration.md").write_text(page(declared))


if __name__ == "__main__":
    main()

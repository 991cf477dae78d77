"""The keys of a stack's configuration: one table.

`.venv/bin/python -m stack.keys` writes the `config:` block of Pulumi.yaml and docs/configuration.md from it.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from acr_transfer.model.failures.steps import snake_case
from components import SourceSideArgs, TargetSideArgs, defaults
from components.advice import camel_case
from components.sdk import descriptions

Default = str | bool | int | list[str] | dict[str, str]


@dataclass(frozen=True)
class Key:
    """One key of the configuration."""

    name: str
    type: Literal["string", "boolean", "integer", "array", "object"] = "string"
    default: Default = ""
    """The value of a key that is not set; empty if it has none."""

    side: Literal["both", "source", "target"] = "both"
    own_description: str = ""
    """The description of a key that is not an argument, or that is more than the argument."""

    @property
    def argument(self) -> str:
        """The argument of the components that the key sets: the same name in snake_case."""
        return snake_case(self.name)

    @property
    def description(self) -> str:
        """The description: that of the argument, with the keys' names."""
        kind = TargetSideArgs if self.side == "target" else SourceSideArgs
        return self.own_description or camel_case(descriptions(kind)[self.argument])


KEYS = (
    Key("side", own_description="The side that this stack deploys: source or target. Required."),
    Key("resourceGroup"),
    Key("createResourceGroup", "boolean", defaults.CREATE_RESOURCE_GROUP),
    Key("location"),
    Key("tags", "object", {}),
    Key("protect", "boolean", defaults.PROTECT),
    Key("registry"),
    Key("registryResourceGroup"),
    Key("createRegistry", "boolean", defaults.CREATE_REGISTRY),
    Key("registryRoleAssignmentMode", "string", str(defaults.REGISTRY_ROLE_ASSIGNMENT_MODE)),
    Key("storageAccount"),
    Key("newStorageAccountName"),
    Key("container", "string", defaults.CONTAINER),
    Key("createContainer", "boolean", defaults.CREATE_CONTAINER),
    Key("blobRetentionDays", "integer", defaults.BLOB_RETENTION_DAYS),
    Key("storageAccess", "string", str(defaults.STORAGE_ACCESS)),
    Key("vault"),
    Key("newVaultName"),
    Key("vaultAccess"),
    Key(
        "vaultAddresses",
        "array",
        [],
        own_description="The IPv4 addresses and ranges that reach a new vault; every network does by "
        "default. A list closes the vault to all others, apart from Azure's trusted services; None alone "
        "admits no address. It may shut the pipeline out too, and does so with a user-assigned identity. "
        "SasToken only.",
    ),
    Key("purgeProtection", "boolean", defaults.PURGE_PROTECTION),
    Key("sasExpiry"),
    Key("sasKey", "string", str(defaults.SAS_KEY)),
    Key("sasSecretName"),
    Key("sasWarning", "integer", defaults.SAS_WARNING),
    Key("identity"),
    Key("createIdentity", "boolean", defaults.CREATE_IDENTITY),
    Key("roleWaitSeconds", "integer", defaults.ROLE_WAIT_SECONDS),
    Key("pipeline"),
    Key(
        "options",
        "array",
        [],
        own_description="Pipeline options. Source: OverwriteBlobs (default), ContinueOnErrors. Target: "
        "OverwriteTags and DeleteSourceBlobOnSuccess (both by default), ContinueOnErrors. "
        "None alone for no options.",
    ),
    Key("forceUpdateTag", "string", defaults.FORCE_UPDATE_TAG),
    Key("maxConcurrentRuns", "integer", defaults.MAX_CONCURRENT_RUNS),
    Key(
        "artifacts",
        "array",
        [],
        "source",
        "The artifacts to transfer, any number, each as repository, repository:tag or "
        "repository@sha256:digest. This, artifactsFile or lock is required.",
    ),
    Key(
        "artifactsFile",
        side="source",
        own_description="A file with the artifacts to transfer, one on each line, with comments after #.",
    ),
    Key(
        "lock",
        side="source",
        own_description="A lock file of acr-transfer plan: the artifacts to transfer, pinned to digests.",
    ),
    Key("blobPrefix", "string", defaults.BLOB_PREFIX, "source"),
    Key("sourceTriggerStatus", "string", str(defaults.SOURCE_TRIGGER_STATUS), "target"),
    Key(
        "source",
        side="target",
        own_description="The source side's stack, as stack, project/stack or organization/project/stack. "
        "This or handover is required.",
    ),
    Key(
        "handover",
        side="target",
        own_description="A file with the hand-over of the source side, where its stack cannot be read.",
    ),
)
"""Every key, in the order of the documentation."""

BY_NAME = {key.name: key for key in KEYS}
REMOVED = {
    "createStorageAccount": "the stack creates a storage account unless storageAccount is set",
    "createVault": "the stack creates a vault unless vault is set",
}
"""Keys of earlier versions, and the rule that replaces each of them."""

_ROOT = Path(__file__).resolve().parents[1]
_PAGE = """# Configuration

A stack is configured with `pulumi config set acr-transfer:<key> <value>`, or in its `Pulumi.<stack>.yaml`.
An item of a list: `pulumi config set --path 'acr-transfer:artifacts[0]' shop/web:1.4.0`.
A tag: `pulumi config set --path 'acr-transfer:tags.owner' platform`.
An empty value counts as not set. Unknown keys are errors. One message reports all faults of a configuration,
before any resource is created, each with the command that fixes it.

The cloud is azure-native's own configuration: `azure-native:environment`, `azure-native:subscriptionId`,
`azure-native:location` ([all keys](https://www.pulumi.com/registry/packages/azure-native/installation-configuration/)).
Paths of files are relative to the project's folder.

This page is generated from stack/keys.py by `.venv/bin/python -m stack.keys`.

| Key | Side | Type | Default | Description |
| --- | --- | --- | --- | --- |
"""


def page() -> str:
    """Return docs/configuration.md."""
    return _PAGE + "".join(map(_row, KEYS))


def _row(key: Key) -> str:
    default = f"`{_text(key.default)}`" if key.default not in ("", [], {}) else ""
    return f"| `{key.name}` | {key.side} | {key.type} | {default} | {key.description} |\n"


def _text(default: Default) -> str:
    return default if isinstance(default, str) else json.dumps(default)


def project_file(text: str) -> str:
    """Return Pulumi.yaml with the `config:` block of the table, which is its last one.

    Every key has a default, if need be an empty one: the CLI stops at a stack that lacks a key without a
    default, before the program can report all faults, each with its command.
    https://www.pulumi.com/docs/iac/concepts/projects/project-file/#config-options
    """
    return text.partition("config:\n")[0] + "config:\n" + "".join(map(_declaration, KEYS))


def _declaration(key: Key) -> str:
    lines = [f"{key.name}:", f"  type: {key.type}"]
    if key.type == "array":
        lines += ["  items:", "    type: string"]
    lines += [f"  default: {json.dumps(key.default)}", f"  description: {json.dumps(key.description)}"]
    return "".join(f"  {line}\n" for line in lines)


def main() -> None:
    """Write Pulumi.yaml and docs/configuration.md."""
    project = _ROOT / "Pulumi.yaml"
    project.write_text(project_file(project.read_text()))
    (_ROOT / "docs" / "configuration.md").write_text(page())


if __name__ == "__main__":
    main()

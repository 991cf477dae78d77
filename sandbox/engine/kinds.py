"""The resource types and functions of azure-native that the stand-in knows, and what each needs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.engine.provider import UNKNOWN, Values

_GROUP = "/subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}/providers"
_REGISTRY = f"{_GROUP}/Microsoft.ContainerRegistry/registries/{{registryName}}"
_ACCOUNT = f"{_GROUP}/Microsoft.Storage/storageAccounts/{{accountName}}"
_VAULT = f"{_GROUP}/Microsoft.KeyVault/vaults/{{vaultName}}"

_LETTERS = "^[a-zA-Z0-9]*$"


@dataclass(frozen=True)
class Kind:
    """One resource type: where it lives, which of its inputs go where in a request."""

    version: str
    """The default API version, which is an input in state."""

    path: str
    naming: str = "copy"
    """How a missing name is made: `copy` of the Pulumi name, or `random`: that and eight hex digits."""

    top: frozenset[str] = frozenset()
    """Inputs at the top level of the request; the others go under `properties`."""

    flat: bool = True
    """Whether `properties` is flattened; vaults and secrets keep it as one input."""

    needs_location: bool = False
    replaces: frozenset[str] = frozenset()
    """Inputs besides those of the path whose change makes the resource anew."""

    required: tuple[str, ...] = ()
    renamed: Mapping[str, str] = field(default_factory=dict)
    limits: tuple[int, int, str] | None = None
    """Shortest and longest name, and its pattern."""

    @property
    def path_inputs(self) -> list[str]:
        """Inputs that the path is made of, without the subscription."""
        return [name for name in re.findall(r"{(\w+)}", self.path) if name != "subscriptionId"]

    @property
    def name_input(self) -> str:
        """The input that names the resource itself."""
        return self.path_inputs[-1]

    def id(self, subscription: str, inputs: Values) -> str:
        """The resource's ID, or unknown while an input of its path is."""
        parts = {name: inputs.get(name, UNKNOWN) for name in self.path_inputs}
        if UNKNOWN in parts.values():
            return ""
        return self.path.format(subscriptionId=subscription, **parts)

    def body(self, inputs: Values) -> Values:
        """The request: top-level inputs as they are, the others under `properties`, all by Azure's names."""
        sent = {key: value for key, value in inputs.items() if not self._unsent(key)}
        renamed = {self.renamed.get(key, key): value for key, value in sent.items()}
        if not self.flat:
            return renamed
        top = {key: value for key, value in renamed.items() if key in self.top}
        inner = {key: value for key, value in renamed.items() if key not in self.top}
        return {**top, "properties": inner} if inner or self.flat else top

    def outputs(self, answer: Values) -> Values:
        """State from an answer: flattened, Azure's names turned back, nulls left out."""
        inner = answer.get("properties") if self.flat else None
        merged = {**{key: value for key, value in answer.items() if key != "properties" or not self.flat}}
        if isinstance(inner, dict):
            back = {wire: name for name, wire in self.renamed.items()}
            merged |= {back.get(str(key), str(key)): value for key, value in inner.items()}
        kept = {key: value for key, value in merged.items() if value is not None}
        return {**kept, "azureApiVersion": self.version}

    def _unsent(self, key: str) -> bool:
        return key.startswith("__") or key in self.path_inputs or key == "azureApiVersion"


KINDS: dict[str, Kind] = {
    "resources:ResourceGroup": Kind(
        "2024-03-01",
        "/subscriptions/{subscriptionId}/resourcegroups/{resourceGroupName}",
        naming="random",
        top=frozenset({"location", "tags", "managedBy"}),
        needs_location=True,
        replaces=frozenset({"location"}),
        limits=(1, 90, ""),
    ),
    "containerregistry:Registry": Kind(
        "2023-01-01-preview",
        _REGISTRY,
        naming="random",
        top=frozenset({"location", "sku", "identity", "tags"}),
        needs_location=True,
        replaces=frozenset({"location"}),
        required=("sku",),
        limits=(5, 50, _LETTERS),
    ),
    "containerregistry:ExportPipeline": Kind(
        "2023-01-01-preview",
        f"{_REGISTRY}/exportPipelines/{{exportPipelineName}}",
        top=frozenset({"location", "identity"}),
        needs_location=True,
        required=("target", "target.keyVaultUri"),
        limits=(5, 50, _LETTERS),
    ),
    "containerregistry:ImportPipeline": Kind(
        "2023-01-01-preview",
        f"{_REGISTRY}/importPipelines/{{importPipelineName}}",
        top=frozenset({"location", "identity"}),
        needs_location=True,
        required=("source", "source.keyVaultUri"),
        limits=(5, 50, _LETTERS),
    ),
    "containerregistry:PipelineRun": Kind(
        "2024-11-01-preview",
        f"{_REGISTRY}/pipelineRuns/{{pipelineRunName}}",
        limits=(5, 50, _LETTERS),
    ),
    "storage:StorageAccount": Kind(
        "2024-01-01",
        _ACCOUNT,
        naming="random",
        top=frozenset({"sku", "kind", "location", "identity", "tags", "extendedLocation"}),
        needs_location=True,
        replaces=frozenset({"location", "isHnsEnabled"}),
        required=("sku", "kind"),
        renamed={"enableHttpsTrafficOnly": "supportsHttpsTrafficOnly", "networkRuleSet": "networkAcls"},
        limits=(3, 24, "^[a-z0-9]+$"),
    ),
    "storage:BlobContainer": Kind(
        "2024-01-01",
        f"{_ACCOUNT}/blobServices/default/containers/{{containerName}}",
        limits=(3, 63, ""),
    ),
    "keyvault:Vault": Kind(
        "2024-11-01",
        _VAULT,
        naming="random",
        flat=False,
        needs_location=True,
        required=("properties", "properties.tenantId", "properties.sku"),
        limits=(3, 24, "^[a-zA-Z0-9-]{3,24}$"),
    ),
    "keyvault:Secret": Kind(
        "2024-11-01",
        f"{_VAULT}/secrets/{{secretName}}",
        flat=False,
        required=("properties",),
        limits=(1, 127, "^[a-zA-Z0-9-]{1,127}$"),
    ),
}
"""By token without its package; keyvault:AccessPolicy is a type of the plugin's own, see access_policy.py."""

GETTERS = {
    "containerregistry:getRegistry": "containerregistry:Registry",
    "containerregistry:getExportPipeline": "containerregistry:ExportPipeline",
    "containerregistry:getImportPipeline": "containerregistry:ImportPipeline",
    "containerregistry:getPipelineRun": "containerregistry:PipelineRun",
    "resources:getResourceGroup": "resources:ResourceGroup",
    "storage:getStorageAccount": "storage:StorageAccount",
    "storage:getBlobContainer": "storage:BlobContainer",
    "keyvault:getVault": "keyvault:Vault",
    "keyvault:getSecret": "keyvault:Secret",
}


def short(token: str) -> str:
    """`azure-native:containerregistry:Registry`, versioned or not, to `containerregistry:Registry`."""
    module, _, name = token.partition(":")[2].partition(":")
    return f"{module.partition('/')[0]}:{name}"


def faults(kind: Kind, inputs: Values) -> list[str]:
    """What the plugin's own check finds, in its words."""
    found = [f"missing required property '{path}'" for path in kind.required if _missing(inputs, path)]
    if kind.needs_location and _missing(inputs, "location"):
        mend = "'pulumi config set azure-native:location <value>'"
        found.append(
            f"missing required property 'location'. Either set it explicitly or configure it with {mend}."
        )
    return [*found, *_name_faults(kind, inputs)]


def _name_faults(kind: Kind, inputs: Values) -> list[str]:
    name, limits = inputs.get(kind.name_input), kind.limits
    if not limits or not isinstance(name, str) or name == UNKNOWN:
        return []
    shortest, longest, pattern = limits
    found = []
    if len(name) < shortest:
        found.append(
            f"'{kind.name_input}' is too short ({len(name)}): at least {shortest} characters required"
        )
    if len(name) > longest:
        found.append(f"'{kind.name_input}' is too long ({len(name)}): at most {longest} characters allowed")
    if pattern and not re.search(pattern, name):
        found.append(f"'{kind.name_input}' does not match expression '{pattern}'")
    return found


def _missing(inputs: Values, path: str) -> bool:
    value: Any = inputs
    for part in path.split("."):
        if value == UNKNOWN:
            return False
        value = value.get(part) if isinstance(value, dict) else None
    return value is None

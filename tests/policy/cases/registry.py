"""Cases of the rules about registries."""

from __future__ import annotations

from typing import Any

from tests.policy.tables import UNKNOWN, Resource, Table, absent, bad, good, other, unknown

REGISTRY = "azure-native:containerregistry:Registry"
EXPORT = "azure-native:containerregistry:ExportPipeline"
IMPORT = "azure-native:containerregistry:ImportPipeline"
REPLICATION = "azure-native:containerregistry:Replication"


def registry(type: str = REGISTRY, **props: Any) -> Resource:
    return Resource(type, {"registryName": "cargo", "name": "cargo", **props}, "registry")


def export_policy(status: str) -> dict[str, Any]:
    return {"policies": {"exportPolicy": {"status": status}}}


EXPORTS = Resource(EXPORT, {"name": "out"}, "export", {"registryName": ["registry"]})
EXPORTS_BY_NAME = Resource(EXPORT, {"name": "out", "registryName": "Cargo"}, "export")
EXPORTS_ELSEWHERE = Resource(EXPORT, {"name": "out", "registryName": "another"}, "export")
IMPORTS = Resource(IMPORT, {"name": "in"}, "import", {"registryName": ["registry"]})

CASES: Table = {
    "registry-premium-sku": [
        good(registry(sku={"name": "Premium"})),
        good(registry(sku={"name": "premium"})),
        bad(registry(sku={"name": "Standard"}), finds=["the tier of cargo is 'Standard'"]),
        unknown(registry(sku={"name": UNKNOWN})),
        unknown(registry(sku=UNKNOWN)),
        absent(registry(), finds=["is not set"]),
        other(registry(REPLICATION, sku={"name": "Standard"})),
    ],
    "registry-export-allowed": [
        good(registry(**export_policy("enabled")), EXPORTS),
        good(registry(**export_policy("disabled")), IMPORTS),
        good(registry(**export_policy("disabled")), EXPORTS_ELSEWHERE),
        bad(
            registry(**export_policy("Disabled")),
            EXPORTS,
            finds=["cargo is disabled: Azure refuses to create pipeline out"],
        ),
        bad(registry(**export_policy("disabled")), EXPORTS_BY_NAME, finds=["refuses to create pipeline out"]),
        unknown(registry(**export_policy(UNKNOWN)), EXPORTS),
        absent(registry(), EXPORTS),
        other(registry(REPLICATION, **export_policy("disabled")), EXPORTS),
    ],
    "registry-export-closed-on-target": [
        good(registry(**export_policy("disabled"), publicNetworkAccess="Disabled"), IMPORTS),
        good(registry(**export_policy("enabled")), EXPORTS, IMPORTS),
        good(registry(**export_policy("enabled"))),
        bad(
            registry(**export_policy("enabled"), publicNetworkAccess="Disabled"),
            IMPORTS,
            finds=["registry cargo can be"],
        ),
        bad(
            registry(**export_policy("disabled"), publicNetworkAccess="Enabled"), IMPORTS, finds=["524b0254"]
        ),
        unknown(registry(policies=UNKNOWN, publicNetworkAccess=UNKNOWN), IMPORTS),
        absent(registry(), IMPORTS, finds=["524b0254"]),
        other(registry(REPLICATION, **export_policy("enabled")), IMPORTS),
    ],
    "registry-no-admin-user": [
        good(registry(adminUserEnabled=False)),
        bad(registry(adminUserEnabled=True), finds=["The admin user of registry cargo is enabled."]),
        unknown(registry(adminUserEnabled=UNKNOWN)),
        absent(registry()),
        other(registry(REPLICATION, adminUserEnabled=True)),
    ],
    "registry-no-anonymous-pull": [
        good(registry(anonymousPullEnabled=False)),
        bad(registry(anonymousPullEnabled=True), finds=["Anyone can pull images of registry cargo"]),
        unknown(registry(anonymousPullEnabled=UNKNOWN)),
        absent(registry()),
        other(registry(REPLICATION, anonymousPullEnabled=True)),
    ],
    "registry-network-restricted": [
        good(registry(publicNetworkAccess="Disabled", networkRuleBypassOptions="AzureServices")),
        good(registry(publicNetworkAccess="Enabled", networkRuleSet={"defaultAction": "Deny"})),
        bad(registry(networkRuleSet={"defaultAction": "Allow"}), finds=["cargo is open to all networks"]),
        bad(
            registry(publicNetworkAccess="disabled", networkRuleBypassOptions="None"),
            finds=["cargo is restricted, and its bypass for trusted services is off"],
        ),
        bad(
            registry(networkRuleBypassOptions="None", publicNetworkAccess="Enabled"),
            finds=["cargo is open to all networks"],
        ),
        unknown(registry(networkRuleSet=UNKNOWN)),
        unknown(registry(networkRuleSet={"defaultAction": "Deny"}, networkRuleBypassOptions=UNKNOWN)),
        absent(registry(), finds=["cargo is open to all networks"]),
        other(registry(REPLICATION, publicNetworkAccess="Enabled")),
    ],
}

"""A platform's own program: what it has in each region, and image transfer as one part of it."""

import pulumi
from pulumi import Output
from pulumi_azure_native import containerregistry, resources

from components import SourceSide, TargetSide

config = pulumi.Config()


def leaves() -> dict[str, Output[object]]:
    """The region whose registry, made long ago, hands its images on."""
    side = SourceSide(
        "images",
        {
            "resource_group_name": config.require("group"),
            "registry_name": config.require("registry"),
            "registry_resource_group_name": config.require("registryGroup"),
            "sas_expiry": config.require("sasExpiry"),
            "pipeline_name": "landingZoneExport",
            "artifacts": config.require_object("images"),
        },
    )
    return side.outputs


def arrives() -> dict[str, Output[object]]:
    """A new region: its resource group and registry are this program's own, and images come to it."""
    group = resources.ResourceGroup("region", resource_group_name=config.require("group"))
    registry = containerregistry.Registry(
        "region",
        resource_group_name=group.name,
        registry_name=config.require("registry"),
        sku=containerregistry.SkuArgs(name=containerregistry.SkuName.PREMIUM),
        tags={"owner": "platform"},
    )
    side = TargetSide(
        "images",
        {
            "resource_group_name": group.name,
            "create_resource_group": False,
            "registry_name": registry.name,
            "registry_resource_group_name": group.name,
            "sas_expiry": config.require("sasExpiry"),
            "pipeline_name": "landingZoneImport",
        },
    )
    return side.outputs


# `acr-transfer` reads these outputs, so that `hop` and `prove` work with this program's stacks too.
for name, value in (leaves() if config.get("images") else arrives()).items():
    pulumi.export(name, value)

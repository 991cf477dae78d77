"""A platform's own program: it deploys a region, and image transfer is one part of it."""

import pulumi
from pulumi import Output
from pulumi_azure_native import containerregistry, resources

from components import SourceSide, TargetSide

config = pulumi.Config()


def export_side() -> dict[str, Output[object]]:
    """Export images from the existing registry of a region."""
    side = SourceSide(
        "images",
        {
            "resource_group": config.require("group"),
            "registry": config.require("registry"),
            "registry_resource_group": config.require("registryGroup"),
            "sas_expiry": config.require("sasExpiry"),
            "pipeline": "landingZoneExport",
            "artifacts": config.require_object("images"),
        },
    )
    return side.outputs


def import_side() -> dict[str, Output[object]]:
    """Create the resource group and registry of a new region, and import images into it."""
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
            "resource_group": group.name,
            "create_resource_group": False,
            "registry": registry.name,
            "registry_resource_group": group.name,
            "sas_expiry": config.require("sasExpiry"),
            "pipeline": "landingZoneImport",
        },
    )
    return side.outputs


# `acr-transfer` reads these outputs, so that `hop` and `prove` work with this program's stacks too.
for name, value in (export_side() if config.get("images") else import_side()).items():
    pulumi.export(name, value)

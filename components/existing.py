"""Existing resources, given by their names or their resource IDs, and unique names for new ones."""

from collections.abc import Mapping
from typing import Any, NoReturn

import pulumi
import pulumi_random as random
from pulumi import Input, Output, ResourceOptions

from acr_transfer.model.resource_ids import ResourceId

from . import defaults
from .arguments import has
from .conflicts import Conflict, explain_conflict


class ExistingResourceError(pulumi.RunError):
    """An existing resource cannot be used; the message gives the reason and the fix."""


def name_and_group(given: Input[str], resource_group: Input[str]) -> tuple[Output[str], Output[str]]:
    """Return the name and the resource group of a resource that is given by its name or its resource ID."""
    found = Output.from_input(given).apply(ResourceId.of)
    return (
        found.apply(lambda known: known.name),
        # The group may be unknown in a preview: an ID does not need it.
        found.apply(lambda known: Output.from_input(known.resource_group or resource_group)),
    )


def unreadable(kind: str, given: Input[str], failure: Exception) -> NoReturn:
    """Raise an `ExistingResourceError` for a resource that cannot be read."""
    # Only the deployment knows the name in an output.
    name = f" {ResourceId.of(given).name}" if isinstance(given, str) else ""
    raise ExistingResourceError(
        f"The {kind}{name} cannot be read: {failure}\n"
        "Give the name of one in the resource group, or the resource ID of one in the same subscription."
    ) from failure


def global_name(
    name: str,
    args: Mapping[str, Any],
    argument: str,
    prefix: str,
    conflict: Conflict,
    parent: pulumi.Resource,
) -> tuple[Input[str], ResourceOptions]:
    """Return the globally unique name of a new account or vault, and its options.

    It is the value of `argument`, or else `prefix` and 12 random lower case letters and digits, which change
    only with the resource group.
    """
    protected = ResourceOptions(parent=parent, protect=args.get("protect", defaults.PROTECT))
    opts = explain_conflict(conflict, name, protected)
    if has(args, argument):
        return args[argument], opts
    group = Output.from_input(args["resource_group"])
    suffix = random.RandomString(
        f"{name}-name",
        length=12,
        special=False,
        upper=False,
        # Azure ignores the letter case of a resource group's name, and so does the suffix.
        keepers={"resourceGroup": group.apply(lambda text: text.lower())},
        opts=ResourceOptions(parent=parent),
    )
    return suffix.result.apply(lambda text: f"{prefix}{text}"), opts

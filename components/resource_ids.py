"""Names that nobody else in the world has, and names of what is there already."""

import re
from dataclasses import dataclass

import pulumi
import pulumi_random as random
from pulumi import Input, Output, ResourceOptions

_RESOURCE_ID = re.compile(
    r"/subscriptions/(?P<subscription>[^/]+)/resourceGroups/(?P<group>[^/]+)"
    r"/providers/(?P<type>[^/]+/[^/]+)/(?P<name>[^/]+)/?",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Place:
    """Where a resource that is there already is found; all but the name are empty if only that is given."""

    name: str
    resource_group: str = ""
    subscription: str = ""
    type: str = ""

    @classmethod
    def of(cls, text: str) -> "Place":
        """Read a resource ID of a top-level resource; any other text is a name.

        https://learn.microsoft.com/azure/azure-resource-manager/management/resource-id
        """
        found = _RESOURCE_ID.fullmatch(text)
        return (
            cls(found["name"], found["group"], found["subscription"], found["type"]) if found else cls(text)
        )


def unique_name(
    name: str, prefix: str, resource_group_name: Input[str], parent: pulumi.Resource
) -> Output[str]:
    """Return `prefix` and twelve random lower case letters and digits: with 8 to 12 before, legal everywhere.

    The name stays as it is until the resource group is another one.
    """
    group = Output.from_input(resource_group_name)
    suffix = random.RandomString(
        name,
        length=12,
        special=False,
        upper=False,
        # Azure does not mind the case of a resource group's name, so neither does the suffix.
        keepers={"resourceGroup": group.apply(lambda text: text.lower())},
        opts=ResourceOptions(parent=parent),
    )
    return suffix.result.apply(lambda text: f"{prefix}{text}")

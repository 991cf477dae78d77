"""The resource IDs of Azure Resource Manager.

https://learn.microsoft.com/azure/azure-resource-manager/management/resource-id
"""

import re
from dataclasses import dataclass
from typing import Self

_RESOURCE_ID = re.compile(
    r"/subscriptions/(?P<subscription>[^/]+)/resourceGroups/(?P<resource_group>[^/]+)"
    r"/providers/(?P<type>[^/]+/[^/]+)/(?P<name>[^/]+)(?P<below>(?:/[^/]+/[^/]+)*)/?",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class ResourceId:
    """An existing resource; everything but the name is empty if only the name was given."""

    name: str
    resource_group: str = ""
    subscription: str = ""
    type: str = ""
    """The provider and type, such as Microsoft.Storage/storageAccounts."""

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Read an ID; that of a nested resource gives its top-level resource. None for any other text."""
        found = _RESOURCE_ID.fullmatch(text)
        if not found:
            return None
        return cls(found["name"], found["resource_group"], found["subscription"], found["type"])

    @classmethod
    def of(cls, text: str) -> Self:
        """Read the ID of a top-level resource; any other text is a name."""
        found = _RESOURCE_ID.fullmatch(text)
        return (cls.parse(text) if found and not found["below"] else None) or cls(text)

    def __str__(self) -> str:
        """The ID, or the name if only that is known."""
        if not self.type:
            return self.name
        group = f"/subscriptions/{self.subscription}/resourceGroups/{self.resource_group}"
        return f"{group}/providers/{self.type}/{self.name}"

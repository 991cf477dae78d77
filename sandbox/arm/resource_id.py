"""Resource IDs of Azure Resource Manager. Comparisons ignore case."""

from dataclasses import dataclass, replace

EXTENSIONS = frozenset({"microsoft.authorization", "microsoft.insights"})
"""Namespaces of extension resources, which have another resource as scope."""


@dataclass(frozen=True)
class ResourceId:
    """The ID of a resource, a collection or an action.

    https://learn.microsoft.com/rest/api/resources/resources/get-by-id
    """

    subscription: str
    group: str = ""
    namespace: str = ""
    segments: tuple[str, ...] = ()
    """Types and names in turn, after the namespace; an odd number of them is a collection or an action."""

    scope: str = ""
    """The ID to which an extension resource, such as a role assignment, belongs; otherwise empty."""

    @classmethod
    def parse(cls, path: str) -> "ResourceId | None":
        """Parse a path; returns None unless it is below a subscription."""
        head, _, tail = path.rpartition("/providers/")
        namespace, *segments = [part for part in tail.split("/") if part] or [""]
        if namespace.lower() in EXTENSIONS:
            inner = cls.parse(head)
            return inner and cls(inner.subscription, inner.group, namespace, tuple(segments), str(inner))
        parts = [part for part in path.split("/") if part]
        if len(parts) < 2 or parts[0].lower() != "subscriptions":
            return None
        subscription, rest = parts[1], parts[2:]
        group = ""
        if rest and rest[0].lower() == "resourcegroups":
            group, rest = (rest[1] if len(rest) > 1 else ""), rest[2:]
            if not rest:
                return cls(subscription, group)
        if len(rest) >= 2 and rest[0].lower() == "providers":
            return cls(subscription, group, rest[1], tuple(rest[2:]))
        return cls(subscription, group) if not rest else None

    @property
    def type(self) -> str:
        """The full resource type in lower case: `microsoft.containerregistry/registries/pipelineruns`."""
        return "/".join((self.namespace, *self.segments[0::2])).lower()

    @property
    def name(self) -> str:
        """The last name."""
        return self.segments[-1]

    @property
    def named(self) -> bool:
        """Whether it is the ID of a resource, not of a collection or an action."""
        return bool(self.segments) and len(self.segments) % 2 == 0

    @property
    def full_name(self) -> str:
        """`Namespace/type/name/type/name`, the format of Azure's messages."""
        return "/".join((self.namespace, *self.segments))

    @property
    def up(self) -> "ResourceId":
        """The ID without its last segment: the collection of a resource, the target of an action."""
        return replace(self, segments=self.segments[:-1])

    @property
    def ancestors(self) -> "list[ResourceId]":
        """The parent resources, outermost first."""
        named = (len(self.segments) - 1) // 2 * 2
        return [replace(self, segments=self.segments[:end]) for end in range(2, named + 1, 2)]

    def child(self, *segments: str) -> "ResourceId":
        """A resource below this one."""
        return replace(self, segments=(*self.segments, *segments))

    def __str__(self) -> str:
        if self.scope:
            return f"{self.scope}/providers/{self.namespace}/{'/'.join(self.segments)}"
        group = f"/resourceGroups/{self.group}" if self.group else ""
        provider = f"/providers/{self.namespace}/{'/'.join(self.segments)}" if self.namespace else ""
        return f"/subscriptions/{self.subscription}{group}{provider}"

    @property
    def key(self) -> str:
        """The ID in lower case, for comparisons."""
        return str(self).lower()

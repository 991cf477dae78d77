"""Azure Resource Manager's resource IDs: taken apart, compared without regard to case."""

from __future__ import annotations

from dataclasses import dataclass

EXTENSIONS = frozenset({"microsoft.authorization", "microsoft.insights"})
"""Namespaces whose resources are put on others."""


@dataclass(frozen=True)
class ResourceId:
    """What a path below the management endpoint names.

    https://learn.microsoft.com/rest/api/resources/resources/get-by-id
    """

    subscription: str
    group: str = ""
    namespace: str = ""
    segments: tuple[str, ...] = ()
    """Type and name in turn after the namespace; an odd number of them names a collection or an action."""

    scope: str = ""
    """What an extension, such as a role assignment, is put on: an ID; empty for all other resources."""

    @classmethod
    def parse(cls, path: str) -> ResourceId | None:
        """The ID that `path` spells, or None where it is not below a subscription."""
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
        """The full resource type, lower case: `microsoft.containerregistry/registries/pipelineruns`."""
        return "/".join((self.namespace, *self.segments[0::2])).lower()

    @property
    def name(self) -> str:
        """The last name."""
        return self.segments[-1]

    @property
    def named(self) -> bool:
        """Whether it names one resource, not a collection or an action."""
        return bool(self.segments) and len(self.segments) % 2 == 0

    @property
    def full_name(self) -> str:
        """`Namespace/type/name/type/name`, as Azure's messages spell a resource."""
        return "/".join((self.namespace, *self.segments))

    @property
    def up(self) -> ResourceId:
        """The same without its last segment: the collection of a resource, the target of an action."""
        return ResourceId(self.subscription, self.group, self.namespace, self.segments[:-1], self.scope)

    @property
    def ancestors(self) -> list[ResourceId]:
        """What this is part of, the outermost first; for a collection or an action, all that it hangs on."""
        named = (len(self.segments) - 1) // 2 * 2
        segments = (self.segments[:end] for end in range(2, named + 1, 2))
        return [
            ResourceId(self.subscription, self.group, self.namespace, each, self.scope) for each in segments
        ]

    def child(self, *segments: str) -> ResourceId:
        """A resource below this one."""
        segments = (*self.segments, *segments)
        return ResourceId(self.subscription, self.group, self.namespace, segments, self.scope)

    def __str__(self) -> str:
        if self.scope:
            return f"{self.scope}/providers/{self.namespace}/{'/'.join(self.segments)}"
        group = f"/resourceGroups/{self.group}" if self.group else ""
        provider = f"/providers/{self.namespace}/{'/'.join(self.segments)}" if self.namespace else ""
        return f"/subscriptions/{self.subscription}{group}{provider}"

    @property
    def key(self) -> str:
        """The form in which two spellings of one ID are equal."""
        return str(self).lower()

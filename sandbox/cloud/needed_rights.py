"""The rights that the requests of each principal needed, with Azure's names of the actions."""

from typing import NamedTuple

from sandbox.cloud.database import Database


class NeededRight(NamedTuple):
    """One action that a request needed, and the resource on which it was needed."""

    action: str
    """The name in Azure's list of operations, such as `Microsoft.Storage/storageAccounts/read`."""

    scope: str
    """The ID of the resource."""

    data: bool
    """Whether it is a data action."""


class NeededRights:
    """The needed rights of one cloud: each is stored once, whether it was granted or not."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def record(self, principal: str, action: str, scope: str, *, data: bool = False) -> None:
        """Record that a request of a principal needed an action on a resource."""
        insert = "insert or ignore into needed_right values (?, ?, ?, ?)"
        self._database.execute(insert, principal, action, scope, int(data))

    def of(self, principal: str) -> list[NeededRight]:
        """The rights that a principal needed so far."""
        select = "select action, scope, data from needed_right where principal = ? order by rowid"
        rows = self._database.execute(select, principal)
        return [NeededRight(action, scope, bool(data)) for action, scope, data in rows]

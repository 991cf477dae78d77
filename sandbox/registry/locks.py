"""What may still be done with a repository, tag or manifest that somebody locked.

Azure's documentation: "Lock a container image in an Azure container registry".
"""

from __future__ import annotations

from collections.abc import Iterable

from sandbox.cloud.store import Json, Store

FREE: Json = {"deleteEnabled": True, "writeEnabled": True, "readEnabled": True, "listEnabled": True}

_NEEDED = {
    "pull": ("readEnabled",),
    "push": ("writeEnabled",),
    # What may not be changed may not be deleted either.
    "delete": ("deleteEnabled", "writeEnabled"),
}


class Locks:
    """The changeable attributes of one registry's content; all are on until somebody says otherwise."""

    def __init__(self, store: Store, registry: str) -> None:
        self._store, self._registry = store, registry.lower()

    def of(self, repository: str, reference: str = "") -> Json:
        """The attributes of a repository, or of one of its tags or manifests."""
        return {**FREE, **self._store.attributes(self._place(repository, reference))}

    def change(self, repository: str, reference: str, changes: Json) -> None:
        """Set some of them; what is no attribute is not heard."""
        wanted = {key: value for key, value in changes.items() if key in FREE and isinstance(value, bool)}
        place = self._place(repository, reference)
        self._store.put_attributes(place, {**self._store.attributes(place), **wanted})

    def forget(self, repository: str, references: Iterable[str]) -> None:
        """What is gone has no attributes."""
        for reference in references:
            self._store.put_attributes(self._place(repository, reference), {})

    def permit(self, action: str, repository: str, references: Iterable[str] = ()) -> bool:
        """Whether `pull`, `push` or `delete` of all these, and of their repository, is permitted."""
        places = [self.of(repository), *(self.of(repository, each) for each in references)]
        return all(place[needed] for place in places for needed in _NEEDED[action])

    def any(self, repository: str) -> bool:
        """Whether anything of the repository was ever locked: most need not be looked through."""
        return self._store.has_attributes(self._place(repository, ""))

    def listed(self, repository: str, reference: str = "") -> bool:
        """Whether it shows in lists."""
        return bool(self.of(repository, reference)["listEnabled"])

    def _place(self, repository: str, reference: str) -> str:
        return f"{self._registry}/{repository}\n{reference}"

"""The receipt: what was proved to be at a target, so that the next plan leaves it out.

docs/receipt.schema.json describes the file. A receipt grows: what an earlier proof found stays in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from acr_transfer import documents
from acr_transfer.documents import Faults, digest_fault, text_fault
from acr_transfer.errors import InputError
from acr_transfer.lock import REFERENCE

_MEND = "Make it anew with `acr-transfer prove --receipt FILE`."


@dataclass(frozen=True, kw_only=True)
class Proved:
    """One artifact that was proved."""

    reference: str
    digest: str
    at: str
    """When (UTC, RFC 3339)."""


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """What was proved to be in one registry, by reference."""

    registry: str
    """The target's login server."""

    proved: Mapping[str, Proved] = field(default_factory=dict)

    def with_more(self, proved: Iterable[Proved], lost: Iterable[str]) -> Self:
        """The receipt after another proof: `lost` are references that were looked for and not found right."""
        kept = {name: one for name, one in self.proved.items() if name not in set(lost)}
        return type(self)(registry=self.registry, proved=kept | {one.reference: one for one in proved})

    async def digests(self, references: Sequence[str]) -> Mapping[str, str]:
        """The digests that were proved, of these references."""
        return {name: self.proved[name].digest for name in references if name in self.proved}

    async def others(self, references: Sequence[str]) -> list[str]:
        """What was proved and is none of these."""
        return sorted(self.proved.keys() - set(references))

    def document(self) -> dict[str, Any]:
        """The whole file as one object, its checksum included."""
        said: dict[str, Any] = {
            "schema": 1,
            "registry": self.registry,
            "artifacts": [
                {"reference": one.reference, "digest": one.digest, "provedAt": one.at}
                for _, one in sorted(self.proved.items())
            ],
        }
        return said | {"checksum": documents.checksum(said)}

    def write(self, path: Path) -> None:
        """Write the file; it is never seen half written."""
        documents.write(path, documents.spelled(self.document()), "receipt")


def read_receipt(path: Path) -> Receipt:
    """The receipt in a file. Raises one `InputError` that lists whatever is wrong with it."""
    document = documents.read(path, "receipt", _faults, _MEND)
    proved = {
        entry["reference"]: Proved(reference=entry["reference"], digest=entry["digest"], at=entry["provedAt"])
        for entry in document["artifacts"]
    }
    return Receipt(registry=document["registry"], proved=proved)


def receipt_for(path: Path, registry: str) -> Receipt:
    """The receipt to go on with: that in the file, or an empty one. Another target's is refused."""
    if not path.exists():
        return Receipt(registry=registry)
    found = read_receipt(path)
    if found.registry != registry:
        raise InputError(
            f"receipt {path} is of the registry {found.registry}, this proof of {registry}. "
            "Name another file: each target has a receipt of its own."
        )
    return found


def _faults(document: Mapping[str, Any]) -> Faults:
    yield from text_fault(document.get("registry"), "registry")
    entries = document.get("artifacts")
    if not isinstance(entries, list):
        yield "artifacts: not a list"
        return
    for number, entry in enumerate(entries):
        where = f"artifacts[{number}]"
        if not isinstance(entry, dict):
            yield f"{where}: not an object"
            continue
        if not isinstance(entry.get("reference"), str) or not REFERENCE.fullmatch(entry["reference"]):
            yield f"{where}.reference: {entry.get('reference')!r}; expected an artifact in full"
        yield from digest_fault(entry.get("digest"), f"{where}.digest")
        yield from text_fault(entry.get("provedAt"), f"{where}.provedAt")

"""What `acr-transfer plan` has found and pinned: the artifacts of a transfer with their digests."""

from dataclasses import dataclass
from pathlib import Path
from typing import NotRequired, TypedDict

from .artifacts import Artifact
from .documents import DocumentError, checked, parsed, read_text
from .schema_checks import Check, exactly, fields, items, number, text

SCHEMA = 1
"""The version of the lock that this program reads."""

DIGEST: Check = text(r"sha256:[0-9a-f]{64}", "'sha256:' and 64 hex digits")
"""What a digest looks like."""

_NAME = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
REFERENCE: Check = text(
    rf"(?=[^:@]{{1,255}}[:@]){_NAME}(?:/{_NAME})*(?::[A-Za-z0-9_][A-Za-z0-9._-]{{0,127}}|@sha256:[0-9a-f]{{64}})",
    "repository:tag or repository@sha256:<64 hex digits>",
)
"""What an artifact looks like where it was written by a program: in full."""


class LockedChild(TypedDict):
    """One manifest that an index consists of."""

    digest: str
    """The manifest's digest."""

    mediaType: str
    """What the manifest is, as OCI names it."""

    size: int
    """The manifest's own bytes."""

    platform: NotRequired[str]
    """What the manifest runs on, such as linux/amd64."""


class LockedArtifact(TypedDict):
    """One artifact with all that was known of it when the lock was made."""

    reference: str
    """The artifact as repository:tag or repository@digest."""

    digest: str
    """The manifest that the reference stands for."""

    mediaType: str
    """What the manifest is, as OCI names it."""

    size: int
    """The bytes of the manifest and of all that it needs, each blob once."""

    artifactType: NotRequired[str]
    """What kind of artifact it is, where the manifest says so."""

    subject: NotRequired[str]
    """The digest of the manifest that this one refers to, as a signature does."""

    children: list[LockedChild]
    """The manifests of an index; empty for anything else."""

    referrers: list[str]
    """The digests of what refers to it, such as signatures; each is an artifact of its own."""


_CHILD = fields({"digest": DIGEST, "mediaType": text(), "size": number}, {"platform": text()})

ENTRY: Check = fields(
    {
        "reference": REFERENCE,
        "digest": DIGEST,
        "mediaType": text(),
        "size": number,
        "children": items(_CHILD),
        "referrers": items(DIGEST),
    },
    {"artifactType": text(), "subject": DIGEST},
)
"""What an artifact looks like in a lock and in a hand-over."""

SHAPE: Check = fields(
    {
        "schema": exactly(SCHEMA),
        "registry": text(),
        "artifacts": items(ENTRY),
        "checksum": DIGEST,
    }
)
"""What a lock looks like; docs/lock.schema.json says the same."""


class LockError(DocumentError):
    """A lock cannot be used; the message says which one, why, and what to do."""


@dataclass(frozen=True)
class Lock:
    """The artifacts of one registry, each pinned to the digest that its reference stood for."""

    registry: str
    """The login server of the registry that was looked at."""

    entries: tuple[LockedArtifact, ...]
    """Everything that the lock says of each artifact, in its order."""

    checksum: str
    """What stands for all of it: `sha256:<hex>`."""

    @property
    def artifacts(self) -> list[Artifact]:
        """What is transferred, each with its digest pinned, in the lock's order."""
        return [Artifact.locked(entry["reference"], entry["digest"]) for entry in self.entries]


def read_lock(path_or_text: Path | str) -> Lock:
    """Read a lock from a file or, given text that begins with `{`, from that.

    Raises one `LockError` for a file that is not there, that does not fit docs/lock.schema.json, is of a
    newer schema, was changed after its checksum was made, or names an artifact twice.
    """
    if isinstance(path_or_text, str) and path_or_text.lstrip().startswith("{"):
        what, path = "lock", None
    else:
        path = Path(path_or_text)
        what = f"lock {path}"
    mend = f"Make it again: acr-transfer plan --out {path or '<file>'}"
    try:
        content = read_text(path, "lock", mend) if path else str(path_or_text)
        found = checked(parsed(content, what, mend), what, mend, SCHEMA, SHAPE)
        refuse_contradictions(found["artifacts"], what, mend)
    except DocumentError as error:
        raise LockError(str(error)) from error
    return Lock(found["registry"], tuple(found["artifacts"]), found["checksum"])


def refuse_contradictions(entries: list[LockedArtifact], what: str, mend: str) -> None:
    """Refuse what fits the schema and yet makes no sense."""
    seen = set[str]()
    for entry in entries:
        reference, digest = entry["reference"], entry["digest"]
        if reference in seen:
            raise DocumentError(f"The {what} names {reference} twice.\n{mend}")
        if "@" in reference and not reference.endswith(f"@{digest}"):
            raise DocumentError(f"The {what} gives {reference} another digest, {digest}.\n{mend}")
        seen.add(reference)

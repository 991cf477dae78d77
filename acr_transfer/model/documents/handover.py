"""The hand-over: the exported blobs, as the source stack's output `handover` or as a file.

docs/handover.schema.json describes it.
"""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, ClassVar, Self

from pydantic import AfterValidator, Field

from acr_transfer.model.documents.fields import Bounded, Form, FullReference, Host, OptionalBytes, fault
from acr_transfer.model.documents.json_document import Document, Record
from acr_transfer.model.documents.lock import LockedArtifact, LockedArtifacts
from acr_transfer.model.references import listed, repeated
from acr_transfer.model.resource_names import BLOB, CONTAINER_URL

BlobName = Annotated[str, Form(BLOB.pattern, BLOB.expected)]


class HandoverSource(Record):
    """The origin of the images."""

    login_server: Host
    """The source registry's host, with its port if it has one."""

    container_url: Annotated[str, Form(CONTAINER_URL.pattern, CONTAINER_URL.expected)]
    """The container that holds the exported blobs, without a SAS token."""


class ExportedBlob(Record):
    """One blob that an export run wrote."""

    name: BlobName
    """The blob's name in its container."""

    artifacts: Annotated[tuple[FullReference, ...], Field(min_length=1), Bounded()]
    """The artifacts in it."""

    size: OptionalBytes = None
    """The blob's bytes; `acr-transfer pack` adds it."""

    content_md5: Annotated[str, Form(r"[A-Za-z0-9+/]{22}==", "16 bytes in base64")] = ""
    """The MD5 of its bytes in base64; `acr-transfer pack` adds it."""

    sha256: Annotated[str, Form(r"[0-9a-f]{64}", "64 hex digits")] = ""
    """The SHA-256 of its bytes; `acr-transfer pack` adds it."""


def _each_name_once(blobs: tuple[ExportedBlob, ...]) -> tuple[ExportedBlob, ...]:
    if twice := repeated(blob.name for blob in blobs):
        raise fault(f"repeats the blob {listed(twice)}; blob names must be unique")
    return blobs


class Handover(Document):
    """What a source side passes to a target side: the source stack's output `handover`, or a file.

    Keys that are not named here are kept and covered by the checksum. No secret is in it.
    """

    kind: ClassVar[str] = "hand-over"
    fix: ClassVar[str] = "write it on the source side: pulumi stack output handover --stack <source> > {path}"

    source: HandoverSource
    """The registry and the container that the images come from."""

    blobs: Annotated[tuple[ExportedBlob, ...], Bounded(), AfterValidator(_each_name_once)]
    """The blobs whose export succeeded. Their names are unique."""

    artifacts: LockedArtifacts
    """The lock's entry of every artifact; empty without a lock. References are unique."""

    @classmethod
    def of(
        cls,
        login_server: str,
        container_url: str,
        blobs: Iterable[ExportedBlob | dict[str, Any]],
        artifacts: Iterable[LockedArtifact] = (),
    ) -> Self:
        """Return the hand-over of a source side; `artifacts` are the entries of its lock."""
        source = {"loginServer": login_server, "containerUrl": container_url}
        return cls.create(source=source, blobs=tuple(blobs), artifacts=tuple(artifacts))

    @classmethod
    def of_output(cls, outputs: Mapping[str, Any], stack: str) -> Self:
        """Read the output `handover` of a source stack. Raises `DocumentError`."""
        fix = f"deploy the source stack again: pulumi up --stack {stack}"
        return cls.check(outputs.get("handover"), f"hand-over of stack {stack}", fix)

    @property
    def blob_names(self) -> list[str]:
        """The names of the blobs, in order."""
        return [blob.name for blob in self.blobs]

    @property
    def references(self) -> list[str]:
        """The artifacts of all blobs, sorted, each once."""
        return sorted({reference for blob in self.blobs for reference in blob.artifacts})

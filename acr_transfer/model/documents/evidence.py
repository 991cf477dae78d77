"""The evidence that `acr-transfer prove --json` prints. docs/evidence.schema.json describes it."""

from typing import Annotated, Literal

from pydantic import Field

from acr_transfer.model.documents.fields import (
    AnyText,
    Count,
    Expected,
    Flag,
    SchemaVersion,
    Text,
    Time,
    named,
)
from acr_transfer.model.documents.json_document import Report
from acr_transfer.model.proof import LayerMode, ManifestKind, Verdict


class EvidenceTool(Report):
    """The program that wrote the evidence."""

    name: Literal["acr-transfer"]
    version: Text


class EvidenceHandover(Report):
    """The document that the expectation was read from."""

    from_: AnyText = named("from")
    """The hand-over's file or stack."""

    checksum: AnyText | None
    """The hand-over's checksum."""

    pinned: Flag
    """Whether every expected digest was fixed before the export; otherwise the source was read now."""


class EvidenceLayers(Report):
    """The configs and layers that were read."""

    mode: LayerMode
    of: Count
    """Different configs and layers that the proved artifacts need; 0 if none was to be read."""

    read: tuple[AnyText, ...]
    """Digests of those that were read and hashed."""

    bytes_: Count = named("bytes")
    """Bytes of those that were right."""


class EvidenceFinding(Report):
    """One artifact and its verdict."""

    artifact: Text
    """The artifact as the hand-over names it."""

    verdict: Verdict
    digest: AnyText | None
    """The digest that is expected; null if it is unknown."""

    got: AnyText | None
    """The digest at the target, if it is another one."""

    kind: ManifestKind | None
    media_type: AnyText | None
    artifact_type: AnyText | None
    subject: AnyText | None
    """The digest of the manifest that a referrer refers to."""

    children: Count
    """Manifests below an index, at any depth."""

    detail: AnyText
    """The fault in words; empty if there is none."""


class EvidenceReport(Report):
    """The artifacts that are at the target, by digests computed from the bytes that were read there.

    `acr-transfer prove --json` prints it.
    """

    schema_: SchemaVersion = named("schema")
    """The version of this document."""

    tool: EvidenceTool
    """The program that wrote the evidence."""

    good: Flag
    """Whether everything is as it should be: the exit code is 0."""

    source: AnyText | None
    """The source's login server, if the hand-over names it."""

    target: Text
    """The login server of the registry that was read."""

    handover: EvidenceHandover
    """The document that the expectation was read from."""

    began: Time
    """The begin of the proof, in UTC."""

    ended: Time
    """The end of the proof, in UTC."""

    seconds: Annotated[float, Field(ge=0), Expected("a number, at least 0")]
    """The duration of the proof."""

    artifacts: Count
    """The number of artifacts that were expected."""

    proved: Count
    missing: Count
    different: Count
    contradictory: Count
    not_provable: Count
    extra: Count
    extra_tags_listed: Flag
    """Whether the target's tags could be listed; otherwise `extra` is unknown."""

    manifests_read: Count
    """Manifests of the target that were read and hashed."""

    layers: EvidenceLayers
    """The configs and layers that were read."""

    findings: tuple[EvidenceFinding, ...]
    """One for each artifact, sorted, then the extra ones."""

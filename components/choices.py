"""The two ways that images go, and what the service can be told about each."""

from enum import StrEnum


class Direction(StrEnum):
    """Which way images go through a container."""

    EXPORT = "export"
    """Out of a registry, into blobs."""

    IMPORT = "import"
    """Out of blobs, into a registry."""


class TriggerStatus(StrEnum):
    """Whether the service imports a blob by itself when it arrives."""

    ENABLED = "Enabled"
    """Each blob that arrives is imported within 15 minutes."""

    DISABLED = "Disabled"
    """Only pipeline runs import."""


PIPELINE_NAMES = {Direction.EXPORT: "exportPipeline", Direction.IMPORT: "importPipeline"}
"""What a pipeline is called unless told otherwise."""

SECRET_NAMES = {Direction.EXPORT: "acrexportsas", Direction.IMPORT: "acrimportsas"}
"""What the vault's secret with the SAS token is called unless told otherwise."""

OVERWRITE_BLOBS = "OverwriteBlobs"
OVERWRITE_TAGS = "OverwriteTags"
DELETE_SOURCE_BLOB = "DeleteSourceBlobOnSuccess"
CONTINUE_ON_ERRORS = "ContinueOnErrors"

KNOWN_OPTIONS = {
    Direction.EXPORT: (OVERWRITE_BLOBS, CONTINUE_ON_ERRORS),
    Direction.IMPORT: (OVERWRITE_TAGS, DELETE_SOURCE_BLOB, CONTINUE_ON_ERRORS),
}
"""Every option of an export and of an import pipeline.

https://learn.microsoft.com/azure/container-registry/container-registry-transfer-images#export-options
"""

DEFAULT_OPTIONS = {
    Direction.EXPORT: (OVERWRITE_BLOBS,),
    Direction.IMPORT: (OVERWRITE_TAGS, DELETE_SOURCE_BLOB),
}
"""What a pipeline does unless told otherwise; docs/adr/0005-one-side-one-component.md says why."""

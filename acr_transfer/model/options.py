"""Export and import pipelines: their directions, options and triggers.

https://learn.microsoft.com/azure/container-registry/container-registry-transfer-images#export-options
"""

from collections.abc import Iterable
from enum import StrEnum


class Direction(StrEnum):
    """The direction in which images pass through a container."""

    EXPORT = "export"
    """From a registry into blobs."""

    IMPORT = "import"
    """From blobs into a registry."""


class TriggerStatus(StrEnum):
    """Whether the service imports each blob when it arrives."""

    ENABLED = "Enabled"
    """The service imports each blob within 15 minutes of its arrival."""

    DISABLED = "Disabled"
    """Only pipeline runs import."""


OVERWRITE_BLOBS = "OverwriteBlobs"
OVERWRITE_TAGS = "OverwriteTags"
DELETE_SOURCE_BLOB = "DeleteSourceBlobOnSuccess"
CONTINUE_ON_ERRORS = "ContinueOnErrors"

KNOWN_OPTIONS = {
    Direction.EXPORT: (OVERWRITE_BLOBS, CONTINUE_ON_ERRORS),
    Direction.IMPORT: (OVERWRITE_TAGS, DELETE_SOURCE_BLOB, CONTINUE_ON_ERRORS),
}
"""Every option of an export and of an import pipeline, as Azure spells it."""

DEFAULT_OPTIONS = {
    Direction.EXPORT: (OVERWRITE_BLOBS,),
    Direction.IMPORT: (OVERWRITE_TAGS, DELETE_SOURCE_BLOB),
}
"""The options of a pipeline unless configured; docs/adr/0005-one-side-one-component.md gives the reasons."""


def option_fault(option: str, direction: Direction) -> str:
    """Return the fault of an option of a pipeline; empty for a known one.

    Options must be spelled as Azure spells them: no document promises that the service ignores letter case.
    """
    known = KNOWN_OPTIONS[direction]
    if option in known:
        return ""
    spelled = next((each for each in known if each.lower() == option.lower()), "")
    return f"expected {spelled}" if spelled else f"expected {', '.join(known)}"


def has_option(options: Iterable[str], option: str) -> bool:
    """Whether a pipeline has an option, in any letter case: the service may act on every spelling."""
    return option.lower() in {each.lower() for each in options}

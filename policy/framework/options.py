"""What a pipeline is told to do besides moving images, which a preview may not know yet."""

from policy.framework.links import exports
from policy.framework.properties import UNKNOWN, Value, known_items, text
from policy.framework.resources import Subject

OVERWRITE_BLOBS = "OverwriteBlobs"
DELETE_SOURCE_BLOB = "DeleteSourceBlobOnSuccess"

_OF_EXPORTS = (OVERWRITE_BLOBS, "ContinueOnErrors")
_OF_IMPORTS = ("OverwriteTags", DELETE_SOURCE_BLOB, "ContinueOnErrors")


def known_options(pipeline: Subject) -> tuple[str, ...]:
    """Return the options that a pipeline of this kind can have.

    https://learn.microsoft.com/azure/container-registry/container-registry-transfer-cli
    """
    return _OF_EXPORTS if exports(pipeline) else _OF_IMPORTS


def has_option(pipeline: Subject, option: str) -> Value:
    """Whether a pipeline has an option, or `UNKNOWN`."""
    options = pipeline.peek("options")
    if option.lower() in [text(each).lower() for each in known_items(options)]:
        return True
    return UNKNOWN if options is UNKNOWN or (isinstance(options, list) and UNKNOWN in options) else False


def is_triggered(pipeline: Subject) -> Value:
    """Whether a pipeline imports blobs by itself, or `UNKNOWN`; an import does unless told otherwise."""
    status = pipeline.peek("trigger.sourceTrigger.status")
    return UNKNOWN if status is UNKNOWN else text(status).lower() != "disabled" and not exports(pipeline)

"""What a pipeline is told to do besides moving images, which a preview may not know yet."""

from acr_transfer.model import options as model
from policy.framework.links import exports
from policy.framework.properties import UNKNOWN, Value, known_items, text
from policy.framework.resources import Subject


def has_option(pipeline: Subject, option: str) -> Value:
    """Whether a pipeline has an option, or `UNKNOWN`."""
    options = pipeline.peek("options")
    if model.has_option(map(text, known_items(options)), option):
        return True
    return UNKNOWN if options is UNKNOWN or (isinstance(options, list) and UNKNOWN in options) else False


def is_triggered(pipeline: Subject) -> Value:
    """Whether a pipeline imports blobs by itself, or `UNKNOWN`; an import does unless told otherwise."""
    status = pipeline.peek("trigger.sourceTrigger.status")
    return UNKNOWN if status is UNKNOWN else text(status).lower() != "disabled" and not exports(pipeline)

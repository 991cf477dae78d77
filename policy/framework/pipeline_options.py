"""The options and the trigger of a pipeline, which a preview may not know yet."""

from acr_transfer.model import options as model
from policy.framework.links import exports
from policy.framework.properties import UNKNOWN, Value, known_items, text
from policy.framework.resources import ResourceView


def has_option(pipeline: ResourceView, option: str) -> Value:
    """Whether a pipeline has an option, or `UNKNOWN`."""
    options = pipeline.peek("options")
    if model.has_option(map(text, known_items(options)), option):
        return True
    return UNKNOWN if options is UNKNOWN or (isinstance(options, list) and UNKNOWN in options) else False


def is_triggered(pipeline: ResourceView) -> Value:
    """Whether a pipeline imports each blob on its arrival, or `UNKNOWN`; import pipelines do by default."""
    status = pipeline.peek("trigger.sourceTrigger.status")
    return UNKNOWN if status is UNKNOWN else text(status).lower() != "disabled" and not exports(pipeline)

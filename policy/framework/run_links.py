"""Pipeline runs and their pipelines, in previews too.

A preview does not know IDs, but it knows the resources that a property's value comes from. A run's pipeline
is the source of its request; a pipeline ID that a program has written as text takes precedence.
"""

import re

from policy.framework.properties import MISSING, UNKNOWN, NoValue, text
from policy.framework.resource_types import PIPELINE_RUN, PIPELINES, REGISTRY
from policy.framework.resources import ResourceView, StackView

_PIPELINE_TYPE = re.compile(r"/(export|import)Pipelines/", re.IGNORECASE)
_REGISTRY = re.compile(r"/registries/([^/]+)/", re.IGNORECASE)


def run_exports(run: ResourceView) -> bool | None:
    """Whether a run exports, by its blob or else by its pipeline's ID; None if neither is known.

    Templates put an empty text at the unused end, and Azure's response has neither end.
    """
    if (named := names_target(run)) is not None:
        return named
    if found := _PIPELINE_TYPE.search(text(run.peek("request.pipelineResourceId"))):
        return found[1].lower() == "export"
    target, source = run.peek("request.target.name"), run.peek("request.source.name")
    if UNKNOWN in (target, source) and target is not source:
        return target is UNKNOWN
    return None


def names_target(run: ResourceView) -> bool | None:
    """Whether a run names the blob that it writes, instead of one that it reads; None if it names neither."""
    if text(run.peek("request.target.name")):
        return True
    return False if text(run.peek("request.source.name")) else None


def blob_of(run: ResourceView) -> str:
    """Return the name of the blob that a run writes or reads; empty if it is unknown.

    Azure's response holds it only at the end of the container's URL.
    """
    named = text(run.peek("request.target.name")) or text(run.peek("request.source.name"))
    answered = text(run.peek("response.target.uri")) or text(run.peek("response.source.uri"))
    path = answered.partition("://")[2].partition("?")[0]
    return named or path.partition("/")[2].partition("/")[2]


class StackRuns:
    """The runs of a stack."""

    def __init__(self, stack: StackView) -> None:
        self._stack = stack
        self.all = stack.of(PIPELINE_RUN)
        """Every run."""

        pipelines = stack.of(*PIPELINES)
        by_id = {text(each.peek("id")).lower(): each for each in pipelines if text(each.peek("id"))}
        by_urn = {each.urn: each for each in pipelines}
        self._pipelines = {run.urn: _pipeline_of(run, by_id, by_urn) for run in self.all}

    def pipeline_of(self, run: ResourceView) -> ResourceView | NoValue:
        """Return a run's pipeline: `MISSING` if it is not in the stack, `UNKNOWN` in some previews."""
        return self._pipelines[run.urn]

    def of(self, pipeline: ResourceView) -> list[ResourceView]:
        """Return the known runs of a pipeline."""
        return [run for run in self.all if self._pipelines[run.urn] is pipeline]

    def registries_of(self, resource: ResourceView) -> set[str]:
        """Return the registry of a pipeline or run, by the name in its ID or else by URN."""
        if named := _REGISTRY.search(text(resource.peek("id"))):
            return {named[1].lower()}
        return {each.urn for each in self._stack.dependencies(resource, "registryName", REGISTRY)}

    @property
    def all_known(self) -> bool:
        """Whether the pipeline of every run is known."""
        return UNKNOWN not in self._pipelines.values()


def _pipeline_of(
    run: ResourceView, by_id: dict[str, ResourceView], by_urn: dict[str, ResourceView]
) -> ResourceView | NoValue:
    id = run.peek("request.pipelineResourceId")
    if found := by_id.get(text(id).lower()):
        return found
    candidates = [by_urn[urn] for urn in run.sources.get("request", ()) if urn in by_urn]
    if len(candidates) == 1:
        return candidates[0]
    some_without_id = text(id) != "" and len(by_id) < len(by_urn)
    return UNKNOWN if candidates or id is UNKNOWN or some_without_id else MISSING

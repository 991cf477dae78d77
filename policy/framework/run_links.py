"""Pipeline runs, and which pipeline of the stack each one is of, in previews as well.

In a preview IDs are unknown, but the engine says what each property comes from. So a run's pipeline is the
one behind its request; where a program has written the pipeline's ID out, that text decides.
"""

import re
from functools import cached_property

from policy.framework.links import PIPELINES
from policy.framework.properties import MISSING, UNKNOWN, Absent, text
from policy.framework.resource_types import PIPELINE_RUN, REGISTRY
from policy.framework.resources import Stack, Subject

_OF_AN_EXPORT = re.compile(r"/exportPipelines/", re.IGNORECASE)
_OF_AN_IMPORT = re.compile(r"/importPipelines/", re.IGNORECASE)
_REGISTRY = re.compile(r"/registries/([^/]+)/", re.IGNORECASE)


def run_name(run: Subject) -> str:
    """Return the name to call a run by."""
    return run.called("pipelineRunName", "name")


def run_exports(run: Subject) -> bool | None:
    """Whether a run exports, by the end that it names, or else by its pipeline's ID; none if neither says.

    Templates fill the end that is not used with empty texts, and Azure's answer leaves both out.
    """
    if (named := names_target(run)) is not None:
        return named
    pipeline = text(run.peek("request.pipelineResourceId"))
    if _OF_AN_EXPORT.search(pipeline) or _OF_AN_IMPORT.search(pipeline):
        return _OF_AN_EXPORT.search(pipeline) is not None
    target, source = run.peek("request.target.name"), run.peek("request.source.name")
    if UNKNOWN in (target, source) and target is not source:
        return target is UNKNOWN
    return None


def names_target(run: Subject) -> bool | None:
    """Whether a run names the blob that it writes, and not one that it reads; none if it names neither."""
    if text(run.peek("request.target.name")):
        return True
    return False if text(run.peek("request.source.name")) else None


def blob_of(run: Subject) -> str:
    """Return the name of the blob that a run writes or reads; empty if it is not known.

    Once Azure has answered, it stands in the response alone: at the end of a container's address.
    """
    named = text(run.peek("request.target.name")) or text(run.peek("request.source.name"))
    answered = text(run.peek("response.target.uri")) or text(run.peek("response.source.uri"))
    path = answered.partition("://")[2].partition("?")[0]
    return named or path.partition("/")[2].partition("/")[2]


class Runs:
    """The runs of a stack."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self.all = stack.of(PIPELINE_RUN)
        """Every run."""

    def pipeline_of(self, run: Subject) -> Subject | Absent:
        """Return a run's pipeline; `MISSING` if it is none of the stack, `UNKNOWN` if that cannot be told."""
        return self._pipelines[run.urn]

    def of(self, pipeline: Subject) -> list[Subject]:
        """Return the runs of a pipeline, as far as they can be told."""
        return [run for run in self.all if self._pipelines[run.urn] is pipeline]

    def registries_of(self, subject: Subject) -> set[str]:
        """Return what stands for the registry of a pipeline or run: its name in the ID, or else its URN."""
        if named := _REGISTRY.search(text(subject.peek("id"))):
            return {named[1].lower()}
        return self._registries.intersection(subject.uses.get("registryName", ()))

    @cached_property
    def _registries(self) -> set[str]:
        return {each.urn for each in self._stack.of(REGISTRY)}

    @cached_property
    def are_told(self) -> bool:
        """Whether it can be told of every run which pipeline it is of."""
        return UNKNOWN not in self._pipelines.values()

    @cached_property
    def _pipelines(self) -> dict[str, Subject | Absent]:
        known = self._stack.of(*PIPELINES)
        by_id = {text(each.peek("id")).lower(): each for each in known if text(each.peek("id"))}
        by_urn = {each.urn: each for each in known}
        return {run.urn: _pipeline_of(run, by_id, by_urn) for run in self.all}


def _pipeline_of(run: Subject, by_id: dict[str, Subject], by_urn: dict[str, Subject]) -> Subject | Absent:
    id = run.peek("request.pipelineResourceId")
    if found := by_id.get(text(id).lower()):
        return found
    candidates = [by_urn[urn] for urn in run.uses.get("request", ()) if urn in by_urn]
    if len(candidates) == 1:
        return candidates[0]
    some_without_id = text(id) != "" and len(by_id) < len(by_urn)
    return UNKNOWN if candidates or id is UNKNOWN or some_without_id else MISSING

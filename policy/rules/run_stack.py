"""Rules about runs and their pipelines: matching ends, unique blobs, imports that run twice or never."""

from collections import defaultdict
from collections.abc import Iterator

from pulumi_policy import Severity

from acr_transfer.model.credentials import quoted
from acr_transfer.model.options import DELETE_SOURCE_BLOB, OVERWRITE_BLOBS
from policy.framework import links
from policy.framework.properties import MISSING, NoValue, text
from policy.framework.resource_types import IMPORT_PIPELINE
from policy.framework.resources import ResourceView, StackView, Violation
from policy.framework.rule import TRANSFER, Control, StackRule
from policy.framework.run_links import StackRuns, blob_of, names_target, run_exports
from policy.rules.storage import is_emptied, share_container


@StackRule(
    severity=Severity.HIGH,
    control=Control.CONFIGURATION,
    fix="Give each run its own blob.",
    url=TRANSFER,
)
def run_blob_unique(stack: StackView) -> Iterator[Violation]:
    """The second of two runs that write the same blob fails, or replaces the export of the first."""
    runs = StackRuns(stack)
    writers = defaultdict[tuple[str, str], list[ResourceView]](list)
    for run in runs.all:
        pipeline, blob = _pipeline_key(runs, run), blob_of(run)
        if pipeline and blob and run_exports(run) is not False:
            writers[pipeline, blob].append(run)
    for (_, blob), (first, *others) in writers.items():
        for run in others:
            yield run.violation(f"Runs {first} and {run} write the same blob {quoted(blob)}.")


def _pipeline_key(runs: StackRuns, run: ResourceView) -> str:
    """A key for the pipeline of a run, in this stack or in another; empty if the pipeline is unknown."""
    pipeline, id = runs.pipeline_of(run), text(run.peek("request.pipelineResourceId"))
    return pipeline.urn if isinstance(pipeline, ResourceView) else id.lower()


@StackRule(
    severity=Severity.LOW,
    control=Control.CONFIGURATION,
    fix="Add OverwriteBlobs to the pipeline's options, or use another blob name for each repetition.",
    url=TRANSFER,
)
def run_overwrite_option(stack: StackView) -> Iterator[Violation]:
    """A repeated run finds its earlier blob, and replaces it only with OverwriteBlobs."""
    runs = StackRuns(stack)
    for run in runs.all:
        pipeline = runs.pipeline_of(run)
        if not isinstance(pipeline, ResourceView) or not links.exports(pipeline):
            continue
        if text(run.peek("forceUpdateTag")) and links.has_option(pipeline, OVERWRITE_BLOBS) is False:
            blob = quoted(blob_of(run))
            yield run.violation(
                f"Run {run} can be repeated, but cannot replace its blob {blob}: "
                f"{pipeline} lacks the option OverwriteBlobs."
            )


@StackRule(
    severity=Severity.HIGH,
    control=Control.CONFIGURATION,
    fix="Set `pipelineResourceId` to the ID output of the intended pipeline. For a pipeline of "
    "another stack, waive this rule for the run.",
    url="https://learn.microsoft.com/rest/api/containerregistry/pipeline-runs/create",
)
def run_pipeline_match(stack: StackView) -> Iterator[Violation]:
    """A run needs a pipeline of its own registry and its own direction."""
    runs = StackRuns(stack)
    for run in runs.all:
        pipeline = runs.pipeline_of(run)
        if pipeline is MISSING:
            id = text(run.peek("request.pipelineResourceId"))
            named = quoted(id) if id else "no pipeline"
            yield run.violation(f"Run {run} refers to {named}; expected a pipeline of this stack.")
        elif isinstance(pipeline, ResourceView):
            yield from _mismatch(runs, run, pipeline)


def _mismatch(runs: StackRuns, run: ResourceView, pipeline: ResourceView) -> Iterator[Violation]:
    if names_target(run) not in (None, links.exports(pipeline)):
        own, other = ("import", "export") if links.exports(pipeline) else ("export", "import")
        yield run.violation(f"Run {run} is an {own} and refers to {pipeline}, an {other} pipeline.")
    registries = runs.registries_of(run), runs.registries_of(pipeline)
    if all(registries) and registries[0].isdisjoint(registries[1]):
        yield run.violation(f"Run {run} and its pipeline {pipeline} are in different registries.")


@StackRule(
    severity=Severity.MEDIUM,
    control=Control.CONFIGURATION,
    fix="Enable the trigger, or add a PipelineRun for each blob.",
    url=TRANSFER,
)
def import_has_runner(stack: StackView) -> Iterator[Violation]:
    """A blob is imported only by its pipeline's trigger or by a run."""
    runs = StackRuns(stack)
    for pipeline in stack.of(IMPORT_PIPELINE):
        if links.is_triggered(pipeline) is False and runs.all_known and not runs.of(pipeline):
            yield pipeline.violation(
                f"Pipeline {pipeline} imports nothing: its trigger is disabled and it has no run."
            )


@StackRule(
    severity=Severity.LOW,
    control=Control.CONFIGURATION,
    fix="Choose one: disable the trigger, or remove the runs.",
    url=TRANSFER,
)
def import_runs_once(stack: StackView) -> Iterator[Violation]:
    """A trigger imports every blob of its container, so a run imports one of them a second time."""
    runs = StackRuns(stack)
    for pipeline in stack.of(IMPORT_PIPELINE):
        if links.is_triggered(pipeline) is not True:
            continue
        for run in runs.all:
            if _imports_from(stack, runs.pipeline_of(run), pipeline):
                yield run.violation(
                    f"Run {run} and the trigger of {pipeline} both import "
                    f"the blob {quoted(blob_of(run))}: it may be imported twice."
                )


def _imports_from(stack: StackView, other: ResourceView | NoValue, pipeline: ResourceView) -> bool:
    """Whether a run's pipeline imports from the same container as this one, or is this one."""
    if other is pipeline or not isinstance(other, ResourceView):
        return other is pipeline
    return not links.exports(other) and share_container(stack, other, pipeline)


@StackRule(
    severity=Severity.LOW,
    control=Control.ASSET_LIFE,
    fix="Add DeleteSourceBlobOnSuccess to the pipeline's options, or a lifecycle rule for its container.",
    url=TRANSFER,
)
def import_leaves_blob(stack: StackView) -> Iterator[Violation]:
    """A blob that is no longer needed costs money, remains readable, and can be imported again."""
    runs = StackRuns(stack)
    for pipeline in stack.of(IMPORT_PIPELINE):
        keeps = links.has_option(pipeline, DELETE_SOURCE_BLOB) is False
        if keeps and _repeats(runs, pipeline) and not _may_be_cleaned_up(stack, pipeline):
            yield pipeline.violation(
                f"Blobs stay after {pipeline} has imported them and may be imported again: "
                "neither the pipeline nor a lifecycle rule deletes them."
            )


def _may_be_cleaned_up(stack: StackView, pipeline: ResourceView) -> bool:
    """Whether a lifecycle rule deletes the blobs; the rules of another stack's account are unknown."""
    found = links.accounts(stack, pipeline)
    named = [text(each.peek("name")) for each in links.containers(stack, pipeline)]
    name = links.container_url(pipeline).rpartition("/")[2] or next(iter(named), "")
    return not found or is_emptied(stack, found, name)


def _repeats(runs: StackRuns, pipeline: ResourceView) -> bool:
    """Whether a pipeline imports more than once: by its trigger, or by runs that can be repeated."""
    tags = (text(run.peek("forceUpdateTag")) for run in runs.of(pipeline))
    return links.is_triggered(pipeline) is True or any(tags)

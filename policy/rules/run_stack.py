"""Rules about whether runs fit their pipelines, and about imports that are made twice or never."""

from collections import defaultdict
from collections.abc import Iterator

from pulumi_policy import EnforcementLevel, Severity

from acr_transfer.model.credentials import quoted
from acr_transfer.model.options import DELETE_SOURCE_BLOB, OVERWRITE_BLOBS
from policy.framework.controls import Control
from policy.framework.links import accounts, container_url, containers, exports, pipeline_name
from policy.framework.options import has_option, is_triggered
from policy.framework.properties import MISSING, Absent, text
from policy.framework.resource_types import IMPORT_PIPELINE
from policy.framework.resources import Finding, Stack, Subject
from policy.framework.rule import stack_rule
from policy.framework.run_links import Runs, blob_of, names_target, run_exports, run_name
from policy.rules.storage_in_use import is_emptied, share_container

TRANSFER = "https://learn.microsoft.com/azure/container-registry/container-registry-transfer-images"
RUNS = "https://learn.microsoft.com/rest/api/containerregistry/pipeline-runs/create"


@stack_rule(
    "run-blob-unique",
    level=EnforcementLevel.MANDATORY,
    severity=Severity.HIGH,
    control=Control.CONFIGURATION,
    why="Of two runs that write one blob the second replaces what the first exported, or fails.",
    fix="Give each run a blob of its own.",
    url=TRANSFER,
)
def blob_unique(stack: Stack) -> Iterator[Finding]:
    """Find export runs of one pipeline that write one blob."""
    runs = Runs(stack)
    writers = defaultdict[tuple[str, str], list[Subject]](list)
    for run in runs.all:
        pipeline, blob = _stands_for(runs, run), blob_of(run)
        if pipeline and blob and run_exports(run) is not False:
            writers[pipeline, blob].append(run)
    for (_, blob), (first, *others) in writers.items():
        for run in others:
            yield run.fault(f"Runs {run_name(first)} and {run_name(run)} write the same blob {quoted(blob)}.")


def _stands_for(runs: Runs, run: Subject) -> str:
    """What stands for the pipeline of a run, in this stack or elsewhere; empty if it cannot be told."""
    pipeline = runs.pipeline_of(run)
    if isinstance(pipeline, Subject):
        return pipeline.urn
    return text(run.peek("request.pipelineResourceId")).lower()


@stack_rule(
    "run-overwrite-option",
    level=EnforcementLevel.ADVISORY,
    severity=Severity.LOW,
    control=Control.CONFIGURATION,
    why="A run that is made again finds its first blob there, and replaces it only with OverwriteBlobs.",
    fix="Add OverwriteBlobs to the pipeline's options, or give each repetition a blob name of its own.",
    url=TRANSFER,
)
def overwrite_option(stack: Stack) -> Iterator[Finding]:
    """Find export runs that can be made again, but not replace their blob."""
    runs = Runs(stack)
    for run in runs.all:
        pipeline = runs.pipeline_of(run)
        if not isinstance(pipeline, Subject) or not exports(pipeline):
            continue
        if text(run.peek("forceUpdateTag")) and has_option(pipeline, OVERWRITE_BLOBS) is False:
            blob = quoted(blob_of(run))
            yield run.fault(
                f"Run {run_name(run)} can be made again, but cannot replace its blob {blob} then: "
                f"{pipeline_name(pipeline)} lacks the option OverwriteBlobs."
            )


@stack_rule(
    "run-pipeline-match",
    level=EnforcementLevel.MANDATORY,
    severity=Severity.HIGH,
    control=Control.CONFIGURATION,
    why="A run needs a pipeline of its own registry, one that exports for a run that exports.",
    fix="Set `pipelineResourceId` to the ID of the pipeline that is meant, from its output. "
    "For a pipeline that another stack has made, waive this rule for the run.",
    url=RUNS,
)
def pipeline_match(stack: Stack) -> Iterator[Finding]:
    """Find runs of no pipeline here, of the other kind, or of another registry."""
    runs = Runs(stack)
    for run in runs.all:
        pipeline = runs.pipeline_of(run)
        if pipeline is MISSING:
            id = text(run.peek("request.pipelineResourceId"))
            named = quoted(id) if id else "nothing"
            yield run.fault(f"Run {run_name(run)} points to {named}, which is no pipeline of this stack.")
        elif isinstance(pipeline, Subject):
            yield from _mismatch(runs, run, pipeline)


def _mismatch(runs: Runs, run: Subject, pipeline: Subject) -> Iterator[Finding]:
    if names_target(run) not in (None, exports(pipeline)):
        yield run.fault(
            f"Run {run_name(run)} is an {_kind(not exports(pipeline))} and points to "
            f"{pipeline_name(pipeline)}, an {_kind(exports(pipeline))} pipeline."
        )
    own, wanted = runs.registries_of(run), runs.registries_of(pipeline)
    if own and wanted and own.isdisjoint(wanted):
        yield run.fault(
            f"Run {run_name(run)} is in another registry than {pipeline_name(pipeline)}, which it points to."
        )


def _kind(is_export: bool) -> str:
    return "export" if is_export else "import"


@stack_rule(
    "import-has-runner",
    level=EnforcementLevel.ADVISORY,
    severity=Severity.MEDIUM,
    control=Control.CONFIGURATION,
    why="A blob is imported by the pipeline's trigger or by a run, and by nobody else.",
    fix="Enable the trigger, or add a PipelineRun for each blob.",
    url=TRANSFER,
)
def has_runner(stack: Stack) -> Iterator[Finding]:
    """Find import pipelines with neither trigger nor run."""
    runs = Runs(stack)
    for pipeline in stack.of(IMPORT_PIPELINE):
        if is_triggered(pipeline) is False and runs.are_told and not runs.of(pipeline):
            yield pipeline.fault(
                f"Nothing will ever import with {pipeline_name(pipeline)}: "
                "its trigger is disabled and it has no run."
            )


@stack_rule(
    "import-runs-once",
    level=EnforcementLevel.ADVISORY,
    severity=Severity.LOW,
    control=Control.CONFIGURATION,
    why="A trigger imports every blob of its container; a run for one of them imports that blob once more.",
    fix="Choose one: disable the trigger, or remove the runs.",
    url=TRANSFER,
)
def runs_once(stack: Stack) -> Iterator[Finding]:
    """Find triggers and runs for one container."""
    runs = Runs(stack)
    for pipeline in stack.of(IMPORT_PIPELINE):
        if is_triggered(pipeline) is not True:
            continue
        for run in runs.all:
            if _imports_from(stack, runs.pipeline_of(run), pipeline):
                yield run.fault(
                    f"The trigger of {pipeline_name(pipeline)} imports the blob {quoted(blob_of(run))} "
                    f"as well as run {run_name(run)}: it may be imported twice."
                )


def _imports_from(stack: Stack, other: Subject | Absent, pipeline: Subject) -> bool:
    """Whether a run's pipeline imports from the same container as this one, or is this one."""
    if other is pipeline or not isinstance(other, Subject):
        return other is pipeline
    return not exports(other) and share_container(stack, other, pipeline)


@stack_rule(
    "import-leaves-blob",
    level=EnforcementLevel.ADVISORY,
    severity=Severity.LOW,
    control=Control.ASSET_LIFE,
    why="A blob that is no longer needed costs money, can be read, and can be imported once more.",
    fix="Add DeleteSourceBlobOnSuccess to the pipeline's options, or a lifecycle rule for its container.",
    url=TRANSFER,
)
def leaves_blob(stack: Stack) -> Iterator[Finding]:
    """Find imports that go on, with nothing that removes their blobs."""
    runs = Runs(stack)
    for pipeline in stack.of(IMPORT_PIPELINE):
        stays = has_option(pipeline, DELETE_SOURCE_BLOB) is False and not _may_be_emptied(stack, pipeline)
        if stays and _goes_on(runs, pipeline):
            yield pipeline.fault(
                f"Blobs stay after {pipeline_name(pipeline)} has imported them, and may be imported again: "
                "it does not delete them, and no lifecycle rule does."
            )


def _may_be_emptied(stack: Stack, pipeline: Subject) -> bool:
    """Whether a lifecycle rule deletes the blobs; nobody here knows the rules of another stack's account."""
    found = accounts(stack, pipeline)
    named = [text(each.peek("name")) for each in containers(stack, pipeline)]
    name = container_url(pipeline).rpartition("/")[2] or next(iter(named), "")
    return not found or is_emptied(stack, found, name)


def _goes_on(runs: Runs, pipeline: Subject) -> bool:
    """Whether a pipeline imports more than once: by its trigger, or by runs that can be made again."""
    again = (text(run.peek("forceUpdateTag")) for run in runs.of(pipeline))
    return is_triggered(pipeline) is True or any(again)


RULES = (
    blob_unique,
    overwrite_option,
    pipeline_match,
    has_runner,
    runs_once,
    leaves_blob,
)

"""Rules about pipeline runs by themselves: artifacts, names, repetition."""

from collections.abc import Iterable, Iterator

from pulumi_policy import EnforcementLevel, Severity

from acr_transfer.model.credentials import quoted, without_credentials
from acr_transfer.model.limits import ARTIFACTS_PER_RUN
from acr_transfer.model.references import FULL_FORMS, reference_fault, repeated
from acr_transfer.model.resource_names import BLOB, PIPELINE
from policy.framework.properties import UNKNOWN, known_items, text
from policy.framework.resource_types import PIPELINE_RUN, PIPELINES
from policy.framework.resources import ResourceView, Violation
from policy.framework.rule import TRANSFER, TROUBLESHOOTING, Control, ResourceRule
from policy.framework.run_links import run_exports

_SHOWN = 5


def _artifacts(run: ResourceView) -> list[str]:
    """The known artifacts."""
    return [item for item in known_items(run.peek("request.artifacts")) if isinstance(item, str)]


@ResourceRule(
    types=(PIPELINE_RUN,),
    severity=Severity.HIGH,
    control=Control.CONFIGURATION,
    fix=f"Split the list into runs of at most {ARTIFACTS_PER_RUN} artifacts, each with its own blob; "
    "remove an empty run.",
    url=TRANSFER,
)
def run_artifact_count(run: ResourceView) -> Iterator[Violation]:
    """ACR Transfer refuses an export run without artifacts or with more than its limit."""
    artifacts = run.peek("request.artifacts")
    count = len(artifacts) if isinstance(artifacts, list) else 0
    if run_exports(run) and artifacts is not UNKNOWN and not 1 <= count <= ARTIFACTS_PER_RUN:
        yield run.violation(f"Run {run} has {count} artifacts; one run takes 1 to {ARTIFACTS_PER_RUN}.")


@ResourceRule(
    types=(PIPELINE_RUN,),
    severity=Severity.HIGH,
    control=Control.CONFIGURATION,
    fix="List each artifact once, as `repository:tag` or `repository@sha256:<64 hex digits>`.",
    url=TROUBLESHOOTING,
)
def run_artifact_form(run: ResourceView) -> Iterator[Violation]:
    """ACR skips an artifact that it cannot find by its reference, and the blob lacks it."""
    artifacts = _artifacts(run)
    faults = [f"{quoted(item)} {fault}" for item in dict.fromkeys(artifacts) if (fault := _fault(item))]
    if faults:
        yield run.violation(f"Run {run} has artifacts that ACR cannot find and would skip: {_some(faults)}.")
    if twice := repeated(artifacts):
        yield run.violation(f"Run {run} lists artifacts more than once: {_some(map(quoted, twice))}.")


def _fault(item: str) -> str:
    """The fault of a reference. It repeats no part of a text that holds a credential."""
    if without_credentials(item) != item:
        return f"contains a credential; expected {FULL_FORMS}"
    return reference_fault(item)


def _some(items: Iterable[str]) -> str:
    """The first few items and the number of the others."""
    listed = list(items)
    more = [f"and {len(listed) - _SHOWN} more"] if len(listed) > _SHOWN else []
    return "; ".join([*listed[:_SHOWN], *more])


@ResourceRule(
    types=(PIPELINE_RUN,),
    severity=Severity.MEDIUM,
    control=Control.SUPPLY_CHAIN,
    fix="Reference artifacts as `repository@sha256:<64 hex digits>`. To enforce this, set the level "
    "of this rule to mandatory.",
    url=TRANSFER,
)
def run_digest(run: ResourceView) -> Iterator[Violation]:
    """A tag can move to other content between the review and the export; a digest cannot."""
    artifacts = [item for item in _artifacts(run) if not reference_fault(item)]
    by_tag = [item for item in artifacts if "@" not in item]
    if by_tag:
        listed = _some(map(quoted, by_tag))
        yield run.violation(
            f"Run {run} references {len(by_tag)} of {len(artifacts)} artifacts by tag: {listed}."
        )


@ResourceRule(
    types=(PIPELINE_RUN, *PIPELINES),
    other_level=EnforcementLevel.MANDATORY,
    severity=Severity.MEDIUM,
    control=Control.CONFIGURATION,
    fix="Choose another name.",
    url="https://learn.microsoft.com/rest/api/storageservices/naming-and-referencing-containers--blobs--and-metadata#blob-names",
)
def run_names(resource: ResourceView) -> Iterator[Violation]:
    """Azure refuses pipelines, runs and blobs with invalid names."""
    for path in ("exportPipelineName", "importPipelineName", "pipelineRunName"):
        name = resource.peek(path)
        if isinstance(name, str) and not PIPELINE.accepts(name):
            kind = "run" if path == "pipelineRunName" else "pipeline"
            yield resource.violation(
                f"{quoted(name)} is not a valid {kind} name; expected {PIPELINE.expected}."
            )
    ends = (resource.peek("request.target.name"), resource.peek("request.source.name"))
    blob = text(ends[0]) or text(ends[1])
    known = bool(blob) or UNKNOWN not in ends
    if PIPELINE_RUN.fullmatch(resource.type) and known and not BLOB.accepts(blob):
        yield resource.violation(f"{quoted(blob)} is not a valid blob name; expected {BLOB.expected}.")


@ResourceRule(
    types=(PIPELINE_RUN,),
    severity=Severity.LOW,
    control=Control.CONFIGURATION,
    fix="Set `forceUpdateTag` from the stack's configuration, and change it there to run again.",
    url="https://learn.microsoft.com/rest/api/containerregistry/pipeline-runs/create",
)
def run_tag(run: ResourceView) -> Iterator[Violation]:
    """Azure repeats a run only if one of its properties has changed, such as forceUpdateTag."""
    if run.peek("forceUpdateTag") is not UNKNOWN and not text(run.peek("forceUpdateTag")):
        yield run.violation(
            f"Run {run} has no forceUpdateTag: Azure does not repeat it while its properties stay the same."
        )

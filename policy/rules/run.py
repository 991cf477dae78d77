"""Rules about pipeline runs: what they move, and under which names."""

from collections.abc import Iterable, Iterator

from pulumi_policy import EnforcementLevel, Severity

from acr_transfer.model.credentials import quoted
from acr_transfer.model.limits import ARTIFACTS_PER_RUN as LIMIT
from acr_transfer.model.references import reference_fault, repeated
from acr_transfer.model.resource_names import BLOB, PIPELINE
from policy.framework.controls import Control
from policy.framework.links import PIPELINES
from policy.framework.properties import UNKNOWN, Value, known_items, text
from policy.framework.resource_types import PIPELINE_RUN
from policy.framework.resources import Finding, Subject
from policy.framework.rule import resource_rule
from policy.framework.run_links import run_exports, run_name

TRANSFER = "https://learn.microsoft.com/azure/container-registry/container-registry-transfer-images"
TROUBLE = "https://learn.microsoft.com/azure/container-registry/container-registry-transfer-troubleshooting"
RUNS = "https://learn.microsoft.com/rest/api/containerregistry/pipeline-runs/create"
BLOB_NAMES = "https://learn.microsoft.com/rest/api/storageservices/naming-and-referencing-containers--blobs--and-metadata#blob-names"

_SHOWN = 5


def _artifacts(run: Subject) -> list[str]:
    """The artifacts that are known."""
    return [item for item in known_items(run.peek("request.artifacts")) if isinstance(item, str)]


@resource_rule(
    "run-artifact-count",
    PIPELINE_RUN,
    level=EnforcementLevel.MANDATORY,
    severity=Severity.HIGH,
    control=Control.CONFIGURATION,
    why=f"One export run takes 1 to {LIMIT} artifacts.",
    fix=f"Split the list into runs of at most {LIMIT}, each with a blob of its own; remove a run of none.",
    url=TRANSFER,
)
def artifact_count(run: Subject) -> Iterator[Finding]:
    """Find export runs of none or too many."""
    artifacts = run.peek("request.artifacts")
    count = len(artifacts) if isinstance(artifacts, list) else 0
    if run_exports(run) and artifacts is not UNKNOWN and not 1 <= count <= LIMIT:
        yield run.fault(f"Run {run_name(run)} has {count} artifacts; one run takes 1 to {LIMIT}.")


@resource_rule(
    "run-artifact-form",
    PIPELINE_RUN,
    level=EnforcementLevel.MANDATORY,
    severity=Severity.HIGH,
    control=Control.CONFIGURATION,
    why="ACR skips an artifact that it cannot find by its name, and the blob comes without it.",
    fix="Write each artifact once, as `repository:tag` or `repository@sha256:<64 hex digits>`.",
    url=TROUBLE,
)
def artifact_form(run: Subject) -> Iterator[Finding]:
    """Find names that stand for no artifact, and artifacts named twice."""
    artifacts = _artifacts(run)
    faults = [
        f"{quoted(item)} {fault}" for item in dict.fromkeys(artifacts) if (fault := reference_fault(item))
    ]
    if faults:
        yield run.fault(
            f"Run {run_name(run)} has artifacts that match nothing; ACR would skip them: {_some(faults)}."
        )
    if twice := repeated(artifacts):
        yield run.fault(f"Run {run_name(run)} names artifacts more than once: {_some(map(quoted, twice))}.")


def _some(items: Iterable[str]) -> str:
    """The first few items, and how many more there are."""
    listed = list(items)
    more = [f"and {len(listed) - _SHOWN} more"] if len(listed) > _SHOWN else []
    return "; ".join([*listed[:_SHOWN], *more])


@resource_rule(
    "run-digest",
    PIPELINE_RUN,
    level=EnforcementLevel.ADVISORY,
    severity=Severity.MEDIUM,
    control=Control.SUPPLY_CHAIN,
    why="A tag may be moved to other content between the review and the export; a digest may not.",
    fix="Name artifacts as `repository@sha256:<64 hex digits>`. "
    "To insist on it, configure this rule with the level mandatory.",
    url=TRANSFER,
)
def digest(run: Subject) -> Iterator[Finding]:
    """Find artifacts that are named by a tag."""
    artifacts = [item for item in _artifacts(run) if not reference_fault(item)]
    by_tag = [item for item in artifacts if "@" not in item]
    if by_tag:
        listed = _some(map(quoted, by_tag))
        yield run.fault(
            f"Run {run_name(run)} names {len(by_tag)} of {len(artifacts)} artifacts by tag: {listed}."
        )


@resource_rule(
    "run-names",
    PIPELINE_RUN,
    *PIPELINES,
    level=EnforcementLevel.MANDATORY,
    severity=Severity.MEDIUM,
    control=Control.CONFIGURATION,
    why="Azure refuses names of other forms: of pipelines and runs it takes 5 to 50 letters and digits, "
    "of blobs 1 to 1024 characters that end in neither / nor a dot.",
    fix="Choose another name.",
    url=BLOB_NAMES,
)
def names(resource: Subject) -> Iterator[Finding]:
    """Find names that Azure refuses."""
    for path in ("exportPipelineName", "importPipelineName", "pipelineRunName"):
        name = resource.peek(path)
        if isinstance(name, str) and not PIPELINE.accepts(name):
            kind = "run" if path == "pipelineRunName" else "pipeline"
            yield resource.fault(f"{quoted(name)} is not a valid {kind} name; expected {PIPELINE.expected}.")
    if PIPELINE_RUN.matches(resource.type):
        blob = _blob_name(resource)
        if isinstance(blob, str) and not BLOB.accepts(blob):
            yield resource.fault(f"{quoted(blob)} is not a valid blob name; expected {BLOB.expected}.")


def _blob_name(run: Subject) -> Value:
    """The blob that a run names, empty if it names none; or `UNKNOWN`."""
    ends = (run.peek("request.target.name"), run.peek("request.source.name"))
    named = text(ends[0]) or text(ends[1])
    return named or (UNKNOWN if UNKNOWN in ends else "")


@resource_rule(
    "run-tag",
    PIPELINE_RUN,
    level=EnforcementLevel.ADVISORY,
    severity=Severity.LOW,
    control=Control.CONFIGURATION,
    why="Azure makes a run again only when something in it has changed, such as its forceUpdateTag.",
    fix="Set `forceUpdateTag` from the stack's configuration, and change it there to run again.",
    url=RUNS,
)
def tag(run: Subject) -> Iterator[Finding]:
    """Find runs that cannot be made again."""
    if run.peek("forceUpdateTag") is not UNKNOWN and not text(run.peek("forceUpdateTag")):
        yield run.fault(
            f"Run {run_name(run)} has no forceUpdateTag: "
            "deploying it again with the same properties will run nothing."
        )


RULES = (
    artifact_count,
    artifact_form,
    digest,
    names,
    tag,
)

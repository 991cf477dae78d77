"""The runs in a stack's state, and the operations that its last deployment has not ended."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from acr_transfer.azure.stack_state import PIPELINE_KINDS
from acr_transfer.azure.stacks import pulumi_json
from acr_transfer.units import plural

_RUN = ":PipelineRun"


@dataclass(frozen=True)
class RecordedRuns:
    """A stack's state, as the last deployment has left it or the running one has written it so far.

    https://www.pulumi.com/docs/iac/cli/commands/pulumi_stack_export/
    """

    runs: frozenset[str]
    """The names, in lower case, of the runs: created ones, and those whose creation has not ended."""

    blobs: frozenset[str]
    """The names of their blobs."""

    unfinished: tuple[str, ...]
    """The names of the resources whose creation, change or deletion is in progress or was interrupted."""

    replaced_pipelines: frozenset[str] = frozenset()
    """The IDs, in lower case, of pipelines that another one has replaced, and that are not deleted yet."""

    def newer_than(self, outputs: Mapping[str, Any]) -> str:
        """Why the stack's outputs are not those of its last deployment; empty if they are."""
        if self.unfinished:
            count = plural(len(self.unfinished), "operation")
            return f"is in progress or was interrupted: {count}, such as that of {self.unfinished[0]}"
        listed = outputs.get("runs")
        if not isinstance(listed, list):
            return ""  # The program may be another one, without this output.
        reported = {str(run.get("name")).lower() for run in listed if isinstance(run, dict)}
        more = len(self.runs - reported)
        return f"did not complete: {plural(more, 'run')} not in the outputs" if more else ""


NO_RUNS = RecordedRuns(frozenset(), frozenset(), ())
"""Those of a stack that has none."""


def read_runs(name: str, folder: Path) -> RecordedRuns:
    """Read the state of a stack of the project in `folder`. Raises `StackError`."""
    return runs_of(pulumi_json(name, folder, "stack", "export"))


def runs_of(exported: Mapping[str, Any]) -> RecordedRuns:
    """The state in the output of `pulumi stack export`."""
    deployment = exported.get("deployment") or {}
    created = [each for each in deployment.get("resources") or () if isinstance(each, dict)]
    urns = {each.get("urn") for each in created}
    pending = list(_pending(deployment))
    known = [each for _, each in pending] + created
    runs = [each.get("inputs") or {} for each in known if str(each.get("type")).endswith(_RUN)]
    return RecordedRuns(
        runs=frozenset(str(run.get("pipelineRunName")).lower() for run in runs),
        blobs=frozenset(filter(None, map(_blob, runs))),
        replaced_pipelines=frozenset(
            str(each.get("id")).lower()
            for each in created
            if each.get("delete") and str(each.get("type")).endswith(PIPELINE_KINDS)
        ),
        unfinished=tuple(
            str(each.get("urn")).rpartition("::")[2]
            for kind, each in pending
            # The engine keeps an interrupted creation, also after a later deployment has repeated it.
            if kind != "creating" or each.get("urn") not in urns
        ),
    )


def _pending(deployment: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The operations that have not ended, each with its resource."""
    for operation in deployment.get("pending_operations") or ():
        if isinstance(operation, dict) and isinstance(operation.get("resource"), dict):
            yield str(operation.get("type")), operation["resource"]


def _blob(inputs: Mapping[str, Any]) -> str:
    request = inputs.get("request") or {}
    return str((request.get("target") or request.get("source") or {}).get("name") or "")

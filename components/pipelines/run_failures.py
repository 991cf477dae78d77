"""The messages about failed runs: what the service reports, what it means, and how to fix it."""

import re
from collections.abc import Mapping
from typing import Any

import pulumi
from pulumi import ErrorHook, ErrorHookArgs, Input, Output

from acr_transfer.model.failures.deployments import RUN_EXISTS
from acr_transfer.model.failures.steps import Known
from acr_transfer.model.failures.table import failure_of_run
from acr_transfer.model.options import Direction
from acr_transfer.model.resource_ids import ResourceId
from acr_transfer.model.visible_text import visible, visible_line

from ..advice import ways_out
from ..sdk import error_hooks
from .run_results import SUCCEEDED, Run, Transfer

_SHOWN_ARTIFACTS = 10
_MESSAGE = re.compile(r'(?s)Message="(.*)"')
_NEXT = (
    "\nThe next deployment starts failed runs again, and completed runs stay as they are. Runs that were"
    "\nnot started follow then too, or at once with pulumi up --continue-on-error."
)


class FailedRunError(pulumi.RunError):
    """A run did not succeed; the message begins with the service's own."""


class RunFailures:
    """The failures of a pipeline's runs in this deployment."""

    messages: dict[str, str]
    """The service's message of each run that the engine reported as failed, by the run's name."""

    def __init__(
        self, direction: Direction, pipeline_id: Input[str], container_id: Input[str], vault: Input[str]
    ) -> None:
        """Prepare the messages; their commands name the pipeline's registry, its container and its vault.

        The resource IDs and the vault's name may be empty: the commands then have blanks.
        """
        self.messages = {}
        self._direction, self._known = direction, dict[str, str]()
        # A run starts after its pipeline, container and vault are known, so its failure finds their names.
        names = {"pipeline": pipeline_id, "container": container_id, "vault": vault}
        Output.all(**names).apply(lambda known: self._known.update(_names(known)))

    def hooks(self, name: str, transfers: Mapping[str, Transfer], parent: pulumi.Resource) -> list[ErrorHook]:
        """Return a hook that explains a failed run and the fix; none for an old engine.

        `transfers` are by the names of their resources. The engine itself shows only the service's message,
        and ends the program without a result.
        """

        def report(failure: ErrorHookArgs) -> None:
            transfer, message = transfers[failure.name], "\n".join(failure.errors[:1])
            found = _MESSAGE.search(message)
            error = found.group(1) if found else message
            self.messages[transfer["run_name"]] = error
            existing = re.search(RUN_EXISTS.pattern, message)
            explained = self._explanation(transfer, "Failed", error) + _NEXT
            pulumi.log.error(_existing_run(existing[1]) if existing else explained, parent)

        return error_hooks(name, report) if transfers else []

    def raise_for(self, runs: list[Run]) -> None:
        """Raise a `FailedRunError` for runs that failed without a report of the hook; in a preview, warn."""
        failed = [run for run in runs if run["status"] != SUCCEEDED and run["name"] not in self.messages]
        if not failed:
            return
        message = "\n".join(self._explanation(run, run["status"], run["error"]) for run in failed) + _NEXT
        if pulumi.runtime.is_dry_run():
            # An old failure must not prevent the change that fixes it.
            pulumi.log.warn(message)
            return
        raise FailedRunError(message)

    def _explanation(self, run: Transfer | Run, status: str, error: str) -> str:
        # The service's words end in the logs of CI runners.
        message = visible(error) or f"The service reported {visible_line(status)} without a message."
        names = ", ".join(run["artifacts"][:_SHOWN_ARTIFACTS])
        rest = len(run["artifacts"]) - _SHOWN_ARTIFACTS
        more = f" and {rest} more" if rest > 0 else ""
        name = str(run.get("run_name") or run.get("name"))
        line = f"{self._direction} run {name} is {status}; blob {run['blob']}; artifacts {names}{more}"
        failure = failure_of_run(message)
        return f"{message}\n  {line}\n{failure.why}\n{ways_out(failure, self._side, **self._of(run, name))}"

    @property
    def _side(self) -> str:
        return "source" if self._direction is Direction.EXPORT else "target"

    def _of(self, run: Transfer | Run, name: str) -> Known:
        """The names in the commands of a run's ways out."""
        registry = self._known.get("registry ID")
        return {
            **self._known,
            "blob": run["blob"],
            "run": f"{registry}/pipelineRuns/{name}" if registry else "",
        }


def _names(known: Mapping[str, Any]) -> dict[str, str]:
    """The names of a pipeline's registry and staging resources, out of IDs; empty for those unknown."""
    registry = ResourceId.parse(str(known["pipeline"] or "")) or ResourceId("")
    account = ResourceId.parse(str(known["container"] or "")) or ResourceId("")
    return {
        "registry": registry.name,
        "registry group": registry.resource_group,
        "registry ID": str(registry),
        "account": account.name,
        "group": account.resource_group,
        "container": str(known["container"] or "").rpartition("/")[2],
        "vault": str(known["vault"] or ""),
    }


def _existing_run(id: str) -> str:
    """The message about a run that another program started: this deployment takes over its own runs."""
    reason = f"The run {visible_line(id)} exists, and is not a run of this stack.\n{RUN_EXISTS.why}"
    return f"{reason}\n{ways_out(RUN_EXISTS, run=id)}"

"""The state of a side's pipeline and of its runs."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from acr_transfer.azure.stacks import Stack
from acr_transfer.errors import FAILURES
from acr_transfer.model.failures import checks, transfers
from acr_transfer.model.failures.failure import Cause, Failure
from acr_transfer.model.failures.table import failure_of_run
from acr_transfer.operate.facts import Facts
from acr_transfer.operate.runs import (
    VERSION,
    PipelineRun,
    pipeline_runs,
    start_of,
    unresolved_failures,
)

if TYPE_CHECKING:
    from acr_transfer.azure.arm import ArmClient


@dataclass(frozen=True, kw_only=True)
class SideState:
    """One side: its pipeline and its runs, newest first."""

    side: str
    pipeline: str
    pipeline_state: str
    """Azure's provisioning state; `missing` if the pipeline does not exist."""

    trigger: str
    """Enabled or Disabled; empty for an export pipeline."""

    runs: tuple[PipelineRun, ...]
    facts: Facts | None = None
    """The names that a way out needs."""

    @property
    def pipeline_cause(self) -> Cause | None:
        """Why the pipeline cannot run; None if it can."""
        if self.pipeline_state == "Succeeded":
            return None
        missing = self.pipeline_state == "missing"
        return self._cause(transfers.PIPELINE_MISSING if missing else checks.PIPELINE_FAILED)

    def cause_of(self, run: PipelineRun) -> Cause | None:
        """Why a run failed; None if it did not fail."""
        if not run.failed:
            return None
        failure = failure_of_run(run.error)
        if run.triggered:
            failure = failure.followed_by(*transfers.COPY_AGAIN)
        return self._cause(failure, blob=run.blob, run=run.id)

    def _cause(self, failure: Failure, **known: str) -> Cause:
        return self.facts.cause(failure, **known) if self.facts else Cause(failure, known, self.side)


async def read_side(side: str, stack: Stack, stacks: Mapping[str, str], arm: "ArmClient") -> SideState:
    """Read a stack's pipeline and its runs.

    `side` is `source` or `target`; `stacks` has the names of both stacks by side, for the ways out.
    """
    pipeline_id = stack.pipeline_id(side)
    pipeline = await arm.get(pipeline_id, VERSION)
    runs = await pipeline_runs(pipeline_id, stack.container_url(), arm)
    facts = Facts(side=side, stack=stack.name, stacks=stacks, config=stack.keys, pipeline=pipeline)
    facts.registry = {"name": pipeline_id.split("/")[-3], "id": pipeline_id.rsplit("/", 2)[0]}
    if unresolved_failures(runs):
        await _find(facts, stack, arm)
    properties = (pipeline or {}).get("properties") or {}
    return SideState(
        side=side,
        pipeline=pipeline_id.rpartition("/")[2],
        pipeline_state=str(properties.get("provisioningState") or "unknown") if pipeline else "missing",
        trigger=str(((properties.get("trigger") or {}).get("sourceTrigger") or {}).get("status") or ""),
        runs=tuple(sorted(runs, key=start_of, reverse=True)),
        facts=facts,
    )


async def _find(facts: Facts, stack: Stack, arm: "ArmClient") -> None:
    """Find the account and the vault; a name that the caller may not read stays a placeholder."""
    from acr_transfer.azure.endpoints import find_account, find_vault

    with suppress(*FAILURES):
        facts.account = await find_account(stack, stack.container_url(), arm)
        if facts.secret_uri:
            facts.vault = await find_vault(stack, facts.secret_uri, arm)

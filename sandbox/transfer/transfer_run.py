"""The request of one run, with the options of its pipeline."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.transfer.failures import TransferFailedError
from sandbox.transfer.rules import CONTINUE
from sandbox.transfer.run_record import RunRecord


@dataclass(frozen=True)
class TransferRun:
    """What an export or import has to do."""

    registry: str
    """The registry's name, for messages."""

    blob: str
    record: RunRecord
    artifacts: tuple[str, ...] = ()
    options: frozenset[str] = frozenset()
    catalog_digest: str = ""
    """The expected digest of the archive, or an empty string."""

    skip_existing: bool = False
    """Whether an existing blob or tag that must not be overwritten is skipped instead of failing the run."""

    def has(self, option: str) -> bool:
        """Whether the pipeline has an option, in any case."""
        return option.lower() in {each.lower() for each in self.options}

    def require_complete(self, failures: list[str], *, remaining: int) -> None:
        """Fail the run with these messages, unless ContinueOnErrors transfers the remaining artifacts."""
        if failures and not (self.has(CONTINUE) and remaining):
            raise TransferFailedError(" ".join(failures))

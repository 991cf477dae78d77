"""The result of one check of `doctor`."""

from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """The outcome of a check."""

    GOOD = "good"
    FAULT = "fault"
    WARNING = "warning"
    UNSEEN = "not seen"


@dataclass(frozen=True)
class DoctorFinding:
    """One check: what was found, why a transfer would fail, and how to fix it."""

    side: str
    check: str
    outcome: Outcome
    what: str
    why: str = ""
    fix: str = ""

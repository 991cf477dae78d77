"""The result of one check of `doctor`, and the constructors that all checks share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from acr_transfer.operate.facts import Facts


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


Rule = Callable[[Facts], Iterator[DoctorFinding]]


def good(facts: Facts, check: str, what: str) -> DoctorFinding:
    """The check passed."""
    return DoctorFinding(facts.side, check, Outcome.GOOD, what)


def fault(facts: Facts, check: str, what: str, why: str, fix: str = "") -> DoctorFinding:
    """A transfer would fail. The default fix is `pulumi up` of the stack."""
    return DoctorFinding(facts.side, check, Outcome.FAULT, what, why, fix or deploy_command(facts))


def warning(facts: Facts, check: str, what: str, why: str, fix: str = "") -> DoctorFinding:
    """A transfer may fail, now or later. The default fix is `pulumi up` of the stack."""
    return DoctorFinding(facts.side, check, Outcome.WARNING, what, why, fix or deploy_command(facts))


def unseen(facts: Facts, what: str, reason: str = "") -> DoctorFinding:
    """The caller could not read something. The check neither passes nor fails."""
    reason = reason or facts.unseen.get(what, "not read")
    return DoctorFinding(facts.side, what, Outcome.UNSEEN, f"{what} could not be read: {reason}")


def missing(facts: Facts, what: str, why: str, fix: str = "") -> DoctorFinding:
    """Something does not exist, or could not be read."""
    if what in facts.unseen:
        return unseen(facts, what)
    return fault(facts, what.removeprefix("the "), f"{what} does not exist", why, fix)


def unchecked(facts: Facts, what: str, error: str) -> DoctorFinding:
    """The check itself failed: an error of this program, not of the stack."""
    return DoctorFinding(
        facts.side,
        what,
        Outcome.WARNING,
        f"{what} could not be checked: {error}",
        "doctor itself failed here, so a fault may be hidden.",
        "report it with the file that `acr-transfer doctor --log-file FILE` writes",
    )


def deploy_command(facts: Facts) -> str:
    """The command that creates or corrects the stack's resources."""
    return f"pulumi up -s {facts.stack}"

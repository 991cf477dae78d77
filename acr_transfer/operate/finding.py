"""What a check of `doctor` comes to, and the words that all checks share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from acr_transfer.operate.facts import Facts


class Verdict(StrEnum):
    """What a check came to."""

    GOOD = "good"
    FAULT = "fault"
    WARNING = "warning"
    UNSEEN = "not seen"


@dataclass(frozen=True)
class Finding:
    """One check: what was found, why a transfer would fail, and what mends it."""

    side: str
    check: str
    verdict: Verdict
    what: str
    why: str = ""
    mend: str = ""


Rule = Callable[[Facts], Iterator[Finding]]


def good(facts: Facts, check: str, what: str) -> Finding:
    """Nothing is wrong here."""
    return Finding(facts.side, check, Verdict.GOOD, what)


def fault(facts: Facts, check: str, what: str, why: str, mend: str) -> Finding:
    """A transfer would fail."""
    return Finding(facts.side, check, Verdict.FAULT, what, why, mend)


def warning(facts: Facts, check: str, what: str, why: str, mend: str) -> Finding:
    """A transfer may fail, or will one day."""
    return Finding(facts.side, check, Verdict.WARNING, what, why, mend)


def unseen(facts: Facts, what: str) -> Finding:
    """Something could not be looked at: that is no fault, and is not hidden either."""
    reason = facts.unseen.get(what, "not looked for")
    return Finding(facts.side, what, Verdict.UNSEEN, f"{what} could not be looked at: {reason}")


def missing(facts: Facts, what: str, why: str, mend: str) -> Finding:
    """Something is not there, or could not be looked at."""
    if what in facts.unseen:
        return unseen(facts, what)
    return fault(facts, what.removeprefix("the "), f"{what} is not there", why, mend)


def up(facts: Facts) -> str:
    """The command that makes anew whatever belongs to the stack."""
    return f"pulumi up -s {facts.stack}"

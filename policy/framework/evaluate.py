"""Runs a check so that a fault in it is one more violation, ends no deployment and leaks nothing."""

from collections.abc import Callable, Iterator

from pulumi_policy import proxy
from pulumi_policy.policy import _NotApplicableError

from policy.framework.resources import Finding

_MEANT = (proxy.UnknownValueError, _NotApplicableError)
"""Raised on purpose by the SDK, for the engine."""


def findings(rule: str, check: Callable[[], Iterator[Finding]]) -> list[Finding]:
    """Return what a check finds, each once and in order.

    Whatever the check raises ends it, and is told by its type alone: its text might hold a secret.
    What the SDK means for the engine goes on to it, unless something has been found before.
    """
    found = set[Finding]()
    try:
        for finding in check():
            found.add(finding)
    except _MEANT:
        if not found:
            raise
    except Exception as error:
        found.add(Finding("", "", f"policy {rule} could not be evaluated: {type(error).__name__}"))
    return sorted(found)

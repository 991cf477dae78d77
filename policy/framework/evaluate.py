"""Runs a check so that an error in it becomes one violation, ends no deployment and leaks no value."""

from collections.abc import Callable, Iterator

from pulumi_policy import proxy
from pulumi_policy.policy import _NotApplicableError

from policy.framework.resources import Violation

_SDK_SIGNALS = (proxy.UnknownValueError, _NotApplicableError)
"""The SDK raises these on purpose, for the engine."""


def evaluate(rule: str, check: Callable[[], Iterator[Violation]]) -> list[Violation]:
    """Return the violations that a check finds, each once and in order.

    An exception ends the check and is reported by its type only, because its text may hold a secret. The
    SDK's own signals go on to the engine, unless the check has found a violation before.
    """
    found = set[Violation]()
    try:
        for violation in check():
            found.add(violation)
    except _SDK_SIGNALS:
        if not found:
            raise
    except Exception as error:
        found.add(Violation("", "", f"policy {rule} could not be evaluated: {type(error).__name__}"))
    return sorted(found)

"""All failures, and the one behind a message."""

import re

from acr_transfer.model.failures import checks, commands, deployments, proofs, transfers
from acr_transfer.model.failures.failure import Failure

FAILURES = {
    each.name: each
    for module in (transfers, checks, deployments, commands, proofs)
    for each in vars(module).values()
    if isinstance(each, Failure)
}
"""Every failure, by its name."""


_NAMES = re.compile(r"(?<!\w)'[^'\s]*'|/subscriptions/[^\s'\"]+", re.IGNORECASE)


def failure_of_run(message: str) -> Failure:
    """The failure behind a run's error message."""
    # The words in a name, such as `Microsoft.ContainerRegistry` or `shop/vault`, do not tell the cause.
    text = _NAMES.sub("''", message)
    found = (each for each in transfers.RUN_FAILURES if re.search(each.pattern, text, re.IGNORECASE))
    return next(found, transfers.UNKNOWN)

"""How long a SAS token still lives, and when somebody should know."""

from datetime import datetime, timedelta

RUN_LIMIT = timedelta(hours=2)
"""How long a run may take: azure-native waits so long for an operation, unless a program says otherwise."""

WARNED_SHARE = 20
"""Percent of a token's life: with less left, it is time for a new one."""

_MEND = "Set a later time: pulumi config set acr-transfer:sasExpiry <time>, then pulumi up."


def warnings_about(expiry: datetime, written: datetime | None, now: datetime, share: int) -> list[str]:
    """Return what a person should know about a token that ends at `expiry`; nothing if all is well.

    Its life begins when the vault's secret was `written`, None where that is not known: the token itself
    names no beginning, so that an unchanged stack has an unchanged token. `share` is in percent, 0 for none.
    """
    left = expiry - now
    if left <= timedelta():
        return [f"The SAS token ended at {expiry:%Y-%m-%dT%H:%M:%SZ}: every run will be refused. {_MEND}"]
    if left < RUN_LIMIT:
        return [
            f"The SAS token ends in {_spoken(left)}, and a run may take {_spoken(RUN_LIMIT)}: "
            f"one that begins now may be cut off. {_MEND}"
        ]
    if written and left * 100 < (expiry - written) * share:
        return [f"The SAS token ends in {_spoken(left)}: less than {share} % of its life is left. {_MEND}"]
    return []


def _spoken(span: timedelta) -> str:
    minutes = int(span.total_seconds() // 60)
    if minutes < 120:
        return f"{minutes} minutes"
    return f"{minutes // 60} hours" if minutes < 48 * 60 else f"{minutes // (24 * 60)} days"

"""When a SAS token ends, how long it still lives, and when somebody should know."""

from datetime import UTC, datetime, timedelta

RUN_LIMIT = timedelta(hours=2)
"""How long a run may take: azure-native waits so long for an operation, unless a program says otherwise."""

WARNED_SHARE = 20
"""Percent of a token's life: with less left, it is time for a new one."""

EXPIRY_FORM = "a time with its zone, such as 2027-01-31T00:00:00Z"
"""What an expiry looks like, for messages."""

_MEND = "Set a later time: pulumi config set acr-transfer:sasExpiry <time>, then pulumi up."


def expiry_of(text: str) -> datetime:
    """Return the end that a text says, in UTC to the second, as a token can say it.

    Raises `ValueError` for anything but a time with its zone: without one it would end at another time on
    another machine.
    """
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError(f"{text!r} has no zone; expected {EXPIRY_FORM}")
    try:
        return found.astimezone(UTC).replace(microsecond=0)
    except OverflowError as failure:
        raise ValueError(f"{text!r} is no time that UTC can say") from failure


def warning_about(expiry: datetime, written: datetime | None, now: datetime, share: int) -> str:
    """Return what a person should know about a token that ends at `expiry`; nothing if all is well.

    Its life begins when the vault's secret was `written`, None where that is not known: the token itself
    names no beginning, so that an unchanged stack has an unchanged token. `share` is in percent, 0 for none.
    """
    left = expiry - now
    if left <= timedelta():
        return f"The SAS token ended at {expiry:%Y-%m-%dT%H:%M:%SZ}: every run will be refused. {_MEND}"
    if left < RUN_LIMIT:
        return (
            f"The SAS token ends in {_spoken(left)}, and a run may take {_spoken(RUN_LIMIT)}: "
            f"one that begins now may be cut off. {_MEND}"
        )
    if written and left * 100 < (expiry - written) * share:
        return f"The SAS token ends in {_spoken(left)}: less than {share} % of its life is left. {_MEND}"
    return ""


def _spoken(span: timedelta) -> str:
    minutes = int(span.total_seconds() // 60)
    if minutes < 120:
        return f"{minutes} minutes"
    return f"{minutes // 60} hours" if minutes < 48 * 60 else f"{minutes // (24 * 60)} days"

"""What is left over on either side, and why it may go or has to stay."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from acr_transfer.operate.runs import Run


class Kind(StrEnum):
    """What a leftover is."""

    BLOB = "blob"
    RUN = "run"


@dataclass(frozen=True, kw_only=True)
class TransferBlob:
    """A blob in a transfer container that an export run wrote, or a copy of one."""

    name: str
    size: int
    modified: datetime
    etag: str


@dataclass(frozen=True, kw_only=True)
class Leftover:
    """Something that a transfer left, and what shall become of it."""

    kind: Kind
    side: str
    name: str
    size: int
    goes: bool
    reason: str
    etag: str = ""
    run: Run | None = None


@dataclass(frozen=True, kw_only=True)
class Side:
    """One side as it was found."""

    name: str
    """`source` or `target`."""

    blobs: Sequence[TransferBlob]
    runs: Sequence[Run]
    needed: Collection[str] = ()
    """Names of the blobs in the hand-over (source alone)."""

    managed: Collection[str] = ()
    """IDs of the runs that Pulumi keeps; in lower case. Without them the next `up` would run them again."""


def judged(side: Side, now: datetime, age: timedelta) -> list[Leftover]:
    """Every blob and run of a side: whether it goes, and why. Only what ended longer than `age` ago goes."""
    judge = _source_blob if side.name == "source" else _target_blob
    blobs = []
    for blob in side.blobs:
        goes, reason = judge(blob, side, now, age)
        blobs.append(_leftover(Kind.BLOB, side, blob.name, goes, reason, size=blob.size, etag=blob.etag))
    staying = {blob.name for blob in blobs if not blob.goes}
    runs = []
    for run in side.runs:
        goes, reason = _run(run, side, staying, now, age)
        runs.append(_leftover(Kind.RUN, side, run.name, goes, reason, run=run))
    return blobs + runs


def _leftover(
    kind: Kind,
    side: Side,
    name: str,
    goes: bool,
    reason: str,
    *,
    size: int = 0,
    etag: str = "",
    run: Run | None = None,
) -> Leftover:
    return Leftover(
        kind=kind, side=side.name, name=name, size=size, goes=goes, reason=reason, etag=etag, run=run
    )


def _source_blob(blob: TransferBlob, side: Side, now: datetime, age: timedelta) -> tuple[bool, str]:
    if blob.name in side.needed:
        return False, "in the hand-over: the other side may still need it"
    under_way = _under_way(blob, side)
    if under_way:
        return False, f"run {under_way.name} is writing it"
    old = _since(blob.modified, now)
    if old < age:
        return False, f"not in the hand-over, but only {_days(old)} old"
    return True, f"not in the hand-over any more, {_days(old)} old"


def _target_blob(blob: TransferBlob, side: Side, now: datetime, age: timedelta) -> tuple[bool, str]:
    under_way = _under_way(blob, side)
    if under_way:
        return False, f"run {under_way.name} is importing it"
    done = [
        run
        for run in side.runs
        if run.blob == blob.name and run.succeeded and (run.started or _NEVER) >= blob.modified
    ]
    if not done:
        return False, "not imported yet"
    since = _since(max(run.finished or run.started or now for run in done), now)
    if since < age:
        return False, f"imported, but only {_days(since)} ago"
    return True, f"imported by run {done[0].name}, {_days(since)} ago"


def _run(run: Run, side: Side, staying: Collection[str], now: datetime, age: timedelta) -> tuple[bool, str]:
    if run.id.lower() in side.managed:
        return False, "kept by the stack: without it the next `pulumi up` would run it again"
    if not run.ended:
        return False, f"{run.state}: it has not ended"
    if run.blob in staying:
        return False, f"tells what became of blob {run.blob}, which stays"
    since = _since(run.finished or run.started or now, now)
    if since < age:
        return False, f"{run.state}, but only {_days(since)} ago"
    return True, f"{run.state} {_days(since)} ago"


_NEVER = datetime.fromisoformat("0001-01-01T00:00:00+00:00")


def _under_way(blob: TransferBlob, side: Side) -> Run | None:
    return next((run for run in side.runs if run.blob == blob.name and not run.ended), None)


def _since(moment: datetime, now: datetime) -> timedelta:
    """How long ago something was; the service's clock may be ahead of ours."""
    return max(now - moment, timedelta(0))


def _days(span: timedelta) -> str:
    return f"{span.days} day{'s' if span.days != 1 else ''}"

"""What is set in one cloud now. It survives a restart, with how often each fault was played."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

from sandbox.cloud.store import Store
from sandbox.faults import responses
from sandbox.faults.fault import Fault, Json
from sandbox.faults.open_questions import OPEN_QUESTIONS, checked
from sandbox.http.azure_errors import SandboxError

_SETTING = "faults"


def _nothing() -> Json:
    return {"faults": {}, "clock": 0, "grants": 0, "choices": {}}


class Faults:
    """The faults, the clock, the delay of grants and the choices of one cloud."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._state: Json = {"next": 1, **_nothing(), **(store.setting(_SETTING) or {})}
        self._faults = {
            int(id): (Fault.read(each["fault"]), each) for id, each in self._state["faults"].items()
        }

    # Faults

    def set(self, fault: Fault) -> int:
        """Add a fault; the answer is the number that lifts it."""
        id = int(self._state["next"])
        entry = {"fault": fault.json(), "met": 0, "played": 0}
        self._faults[id] = (fault, entry)
        self._state["faults"][str(id)] = entry
        self._state["next"] = id + 1
        self._keep()
        return id

    def lift(self, id: int) -> None:
        """Remove one fault."""
        if id not in self._faults:
            raise SandboxError(f"There is no fault {id}. See `python -m sandbox fault`.")
        del self._faults[id], self._state["faults"][str(id)]
        self._keep()

    def reset(self) -> None:
        """Everything as it was before anybody played: no fault, true time, quick grants, default choices."""
        self._faults.clear()
        self._state |= _nothing()
        self._keep()

    def meet(self, door: str, method: str, target: str) -> Fault | None:
        """The fault to play to a request, if any; it is counted."""
        for id, (fault, entry) in self._faults.items():
            if fault.fits(door, method, target) and not _spent(fault, entry) and self.met(id):
                return fault
        return None

    def met(self, id: int) -> bool:
        """Count one fitting request; the answer is whether the fault is played to it."""
        if id not in self._faults:
            return False
        fault, entry = self._faults[id]
        entry["met"] += 1
        played = bool(entry["met"] > fault.skip)
        entry["played"] += played
        self._keep()
        return played

    def for_storage(self) -> list[Json]:
        """What Azurite has to play, and how often each was met already, for azurite.js."""
        return [
            {
                "id": id,
                **fault.json(),
                "pattern": fault.pattern,
                **responses.for_storage(fault),
                "met": entry["met"],
            }
            for id, (fault, entry) in self._faults.items()
            if fault.door == "storage" and not _spent(fault, entry)
        ]

    # Time and grants

    @property
    def clock(self) -> float:
        """Seconds by which this cloud's clock is ahead of the machine's."""
        return float(self._state["clock"])

    def set_clock(self, seconds: float) -> None:
        """Move this cloud's clock, ahead or (negative) back from the machine's."""
        self._state["clock"] = seconds
        self._keep()

    def time(self) -> float:
        """Seconds since 1970 as this cloud sees it."""
        return time.time() + self.clock

    def now(self) -> datetime:
        """The time as this cloud sees it."""
        return datetime.now(UTC) + timedelta(seconds=self.clock)

    @property
    def grants(self) -> float:
        """Seconds that a new grant takes until it holds."""
        return float(self._state["grants"])

    def set_grants(self, seconds: float) -> None:
        """Let every grant that is made from now on take this long; 0 ends all waiting."""
        if seconds < 0:
            raise SandboxError("A grant cannot hold before it was made.")
        self._state["grants"] = seconds
        self._keep()

    # Open points

    def choice(self, name: str) -> str:
        """What holds on one open point."""
        return str(self._state["choices"].get(name) or OPEN_QUESTIONS[name].default)

    def choose(self, name: str, value: str) -> None:
        """Play an open point another way."""
        self._state["choices"][name] = checked(name, value)
        self._keep()

    def json(self) -> Json:
        """All that is set, for `fault --json`."""
        listed = [
            {"id": id, **entry["fault"], "played": entry["played"]} for id, (_, entry) in self._faults.items()
        ]
        choices = {name: self.choice(name) for name in OPEN_QUESTIONS}
        return {"faults": listed, "clock": self.clock, "grants": self.grants, "choices": choices}

    def _keep(self) -> None:
        self._store.put_setting(_SETTING, self._state)


def _spent(fault: Fault, entry: Json) -> bool:
    return bool(fault.times and entry["played"] >= fault.times)

"""The faults, clock shift, grant delay and chosen answers of one cloud. They survive a restart."""

import time
from datetime import UTC, datetime, timedelta

from sandbox.cloud.database import Database
from sandbox.faults.fault import InjectedFault, Json
from sandbox.faults.open_questions import OPEN_QUESTIONS
from sandbox.faults.responses import response_of
from sandbox.http.azure_errors import SandboxError

_SETTING = "faults"

GRANTS = 300.0
"""Seconds until a new role assignment takes effect: on Azure some minutes, at most ten.

https://learn.microsoft.com/azure/role-based-access-control/troubleshooting#symptom---role-assignment-changes-are-not-being-detected
"""


def _defaults() -> Json:
    return {"faults": {}, "clock": 0, "grants": GRANTS, "choices": {}}


_LONGEST = 50 * 365 * 86_400
"""Seconds by which a clock can be shifted, or an effect delayed: every resulting time has a date."""


def _duration(seconds: object) -> float:
    """A number of seconds; raises SandboxError."""
    if not isinstance(seconds, int | float) or not abs(seconds) <= _LONGEST:
        raise SandboxError(f"Expected a number of seconds, at most 50 years, not {str(seconds)[:40]!r}.")
    return float(seconds)


class Faults:
    """The injected faults of one cloud."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._state: Json = {"next": 1, **_defaults(), **(database.setting(_SETTING) or {})}

    def add(self, fault: InjectedFault) -> int:
        """Add a fault; returns its number."""
        id = int(self._state["next"])
        self._state["faults"][str(id)] = {"fault": fault.json(), "met": 0, "applied": 0}
        self._state["next"] = id + 1
        self._save()
        return id

    def lift(self, id: int) -> None:
        """Remove one fault."""
        if not self._state["faults"].pop(str(id), None):
            raise SandboxError(f"Fault {id} does not exist. See `python -m sandbox fault`.")
        self._save()

    def reset(self) -> None:
        """Remove all faults, and restore the clock, the grants and the default answers."""
        self._state |= _defaults()
        self._save()

    def take(self, endpoint: str, method: str, target: str) -> InjectedFault | None:
        """The fault to apply to a request; counts it."""
        for id, fault in self._active().items():
            if fault.matches(endpoint, method, target) and self.count(id):
                return fault
        return None

    def count(self, id: int) -> bool:
        """Count a matching request; returns whether the fault is applied to it."""
        entry = self._state["faults"].get(str(id))
        if entry is None:
            return False
        entry["met"] += 1
        applied = bool(entry["met"] > entry["fault"].get("skip", 0))
        entry["applied"] += applied
        self._save()
        return applied

    def for_storage(self) -> list[Json]:
        """The faults of storage for azurite.js, with the number of requests that each has matched.

        Status, code and message are those of the response, which azurite.js formats as XML.
        """
        found = []
        for id, fault in self._active().items():
            if fault.endpoint != "storage":
                continue
            entry = {**fault.json(), "pattern": fault.pattern, "met": self._state["faults"][str(id)]["met"]}
            if response := response_of(fault):
                entry |= {"status": response.status, "code": response.code, "words": response.message}
            found.append({"id": id, **entry})
        return found

    def _active(self) -> dict[int, InjectedFault]:
        """The faults that still apply, by number."""
        return {
            int(id): InjectedFault.parse(entry["fault"])
            for id, entry in self._state["faults"].items()
            if entry["applied"] < entry["fault"].get("times", float("inf"))
        }

    @property
    def clock(self) -> float:
        """Seconds by which this cloud's clock is ahead of the machine's."""
        return float(self._state["clock"])

    def set_clock(self, seconds: float) -> None:
        """Shift this cloud's clock ahead of the machine's, or back (negative)."""
        self._state["clock"] = _duration(seconds)
        self._save()

    def time(self) -> float:
        """This cloud's time in seconds since 1970."""
        return time.time() + self.clock

    def now(self) -> datetime:
        """This cloud's time."""
        return datetime.now(UTC) + timedelta(seconds=self.clock)

    @property
    def grants(self) -> float:
        """Seconds until a new role assignment takes effect."""
        return float(self._state["grants"])

    def set_grants(self, seconds: float) -> None:
        """Delay the effect of new role assignments; 0 ends all delays."""
        if (delay := _duration(seconds)) < 0:
            raise SandboxError("The delay of role assignments must not be negative.")
        self._state["grants"] = delay
        self._save()

    def choice(self, name: str) -> str:
        """The chosen answer to an open question."""
        return str(self._state["choices"].get(name) or OPEN_QUESTIONS[name].default)

    def choose(self, name: str, value: str) -> None:
        """Choose an answer to an open question; raises SandboxError for an unknown one."""
        if not isinstance(name, str) or name not in OPEN_QUESTIONS:
            known = ", ".join(OPEN_QUESTIONS)
            raise SandboxError(f"Unknown open question {name!r}. Open questions: {known}.")
        if not isinstance(value, str) or value not in OPEN_QUESTIONS[name].values:
            values = ", ".join(OPEN_QUESTIONS[name].values)
            raise SandboxError(f"{value!r} is not a value of {name}. Values: {values}.")
        self._state["choices"][name] = value
        self._save()

    def json(self) -> Json:
        """All settings, for `fault --json`."""
        faults = [
            {"id": int(id), **entry["fault"], "applied": entry["applied"]}
            for id, entry in self._state["faults"].items()
        ]
        choices = {name: self.choice(name) for name in OPEN_QUESTIONS}
        return {"faults": faults, "clock": self.clock, "grants": self.grants, "choices": choices}

    def _save(self) -> None:
        self._database.put_setting(_SETTING, self._state)

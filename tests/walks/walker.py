"""A user who changes a healthy pair of stacks, and then follows only printed advice."""

from __future__ import annotations

import json
import os
import random
import shlex
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from tests.walks.advice import UnclearAdviceError, commands, filled
from tests.walks.changes import CHANGES
from tests.walks.world import REPOSITORY, World

MOST_STEPS = 4
"""The advice that a user may have to follow before the pair is healthy."""

_SIDES = ("--source", "source", "--target", "target")
_PLAIN = ("--yes", "--skip-preview", "--suppress-progress", "--color", "never")
_UP = {side: ("pulumi", "up", "--stack", side, *_PLAIN) for side in ("source", "target")}


class DeadEndError(Exception):
    """Printed advice does not lead out."""


class BrokenPromiseError(Exception):
    """A healthy pair that does not hold what it promises."""


@dataclass
class Walk:
    """One walk: the changes, what the user typed, and how it ended."""

    changes: tuple[str, ...]
    typed: list[str] = field(default_factory=list)
    steps: int = 0
    fault: str = ""
    """Why the pair is not healthy, or which promise is broken; empty if all is well."""

    def line(self) -> str:
        """The walk in one line."""
        end = self.fault or f"healthy after {self.steps} steps"
        return f"{' + '.join(self.changes)}: {end}"


@dataclass
class Failure:
    """A failed command of the user's routine."""

    command: tuple[str, ...]
    output: str

    @property
    def side(self) -> str:
        """The stack of the command, if it has one."""
        return self.command[3] if self.command[0] == "pulumi" else ""

    def __str__(self) -> str:
        return f"`{shlex.join(self.command)}`:\n{self.output[-3000:]}"


class Walker:
    """Walks through one world."""

    def __init__(self, world: World, chance: random.Random, say: Callable[[str], None]) -> None:
        self.world, self.chance, self._say = world, chance, say
        self._runs: dict[str, tuple[str, str, str]] = {}

    def walk(self, names: tuple[str, ...]) -> Walk:
        """Apply the changes, then follow the advice."""
        walk = Walk(names)
        try:
            for name in names:
                CHANGES[name](self.world, self.chance)
            self._recover(walk)
            self._keep_promises(walk)
        except (DeadEndError, BrokenPromiseError, UnclearAdviceError) as error:
            walk.fault = f"{type(error).__name__}: {error}"
        return walk

    def _recover(self, walk: Walk) -> None:
        seen = set[str]()
        while failure := next(self._routine(walk), None):
            doctor = failure.command[1] == "doctor"
            advice = [] if doctor else commands(failure.output)
            advice = advice or self._doctors(walk) or self._statuses(walk)
            if not advice:
                raise DeadEndError(f"no advice from {failure}")
            if walk.steps == MOST_STEPS:
                raise DeadEndError(f"not healthy after {MOST_STEPS} steps: {failure}")
            signature = f"{failure.command} {advice}"
            if signature in seen:
                raise DeadEndError(f"the same advice again, {advice}, from {failure}")
            seen.add(signature)
            walk.steps += 1
            for command in advice:
                self._follow(command, failure.side, walk)

    def _routine(self, walk: Walk) -> Iterator[Failure]:
        """The commands of a transfer; yields each that fails."""
        imports = self.world.value("target", "sourceTriggerStatus", "Enabled") == "Disabled"
        hop = ("acr-transfer", "hop", *_SIDES)
        prove = ("acr-transfer", "prove", *_SIDES, "--wait", "40")
        for command in (
            *(_UP["source"], _UP["target"], hop),
            *((_UP["target"],) if imports else ()),
            *(prove, ("acr-transfer", "doctor", *_SIDES)),
        ):
            code, output = self._run(command, walk)
            if command == prove:
                self._check_verdict(code, output)
            if code:
                yield Failure(command, output)
            self._note_executions()

    def _doctors(self, walk: Walk) -> list[str]:
        """The fix of the first fault, or of the first warning, that `doctor` finds."""
        _, output = self._run(("acr-transfer", "doctor", *_SIDES, "--json", "--quiet"), walk)
        found = json.loads(output[output.index("{") : output.rindex("}") + 1])["findings"]
        found.sort(key=lambda finding: finding["verdict"] != "fault")
        return next((list(finding["commands"]) for finding in found if finding["commands"]), [])

    def _statuses(self, walk: Walk) -> list[str]:
        """The fix of the first failed run in `status`."""
        _, output = self._run(("acr-transfer", "status", *_SIDES), walk)
        return commands(output)

    def _follow(self, command: str, side: str, walk: Walk) -> None:
        line = shlex.split(filled(command, self._value))
        if line[0] == "pulumi" and side and not {"-s", "--stack"} & set(line):
            line += ["--stack", side]
        if line[0] != "az":
            self._run(tuple(line), walk)
            return
        # The user knows the cloud of a name; here the one that has it accepts the command.
        program = (sys.executable, "-m", "tests.ways_out.az", *line[1:])
        for cloud in (side,) if side else ("source", "target"):
            self.world.project.environment["WAYS_OUT_CLOUD"] = cloud
            if self._run(program, walk)[0] == 0:
                return

    def _value(self, blank: str) -> str | None:
        number = self.world.next()
        if "later" in blank or "time" in blank:
            return f"{2100 + number}-01-01T00:00:00Z"
        if "new" in blank or "name" in blank:
            return f"walk{number}"
        return None

    def _run(self, command: tuple[str, ...], walk: Walk) -> tuple[int, str]:
        walk.typed.append(shlex.join(command))
        ended = self.world.project.attempt(*command)
        self._say(f"  [{ended.returncode}] {shlex.join(command)}")
        if os.environ.get("WALKS_SHOW"):
            self._say(ended.stdout)
        return ended.returncode, ended.stdout

    # Promises

    def _check_verdict(self, code: int, output: str) -> None:
        """`prove` succeeds exactly if every listed tag is the same at both sides."""
        different = [
            tag
            for tag in self.world.listed
            if self.world.digest("source", REPOSITORY, tag) != self.world.digest("target", REPOSITORY, tag)
        ]
        if code == 0 and different:
            raise BrokenPromiseError(f"prove is content, but {different} differ")

    def _note_executions(self) -> None:
        """No run that succeeded is executed again with the same tag."""
        now = self.world.exports()
        for name, (tag, _, started) in now.items():
            before = self._runs.get(name)
            if before and before[:2] == (tag, "Succeeded") and started != before[2]:
                raise BrokenPromiseError(f"run {name} succeeded twice with forceUpdateTag {tag!r}")
        self._runs = now

    def _keep_promises(self, walk: Walk) -> None:
        for side in ("source", "target"):
            code, output = self._run(
                ("pulumi", "preview", "--stack", side, "--expect-no-changes", "--color", "never"), walk
            )
            if code:
                raise BrokenPromiseError(f"the preview of the unchanged stack {side}: {output[-2000:]}")
        if self.world.foreign_now() != self.world.foreign:
            raise BrokenPromiseError("a foreign image was changed")
        for tag, digests in self.world.pushed.items():
            found = self.world.digest("target", REPOSITORY, tag)
            if found and tag in self.world.listed and found not in digests:
                raise BrokenPromiseError(f"tag {tag} has content of nobody: {found}")

"""A cause of failure: how it is recognised, what it means, and the commands that lead out of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Self

from acr_transfer.model.failures.steps import Known, Step


@dataclass(frozen=True, kw_only=True)
class Way:
    """One way out: its steps in order, after which the transfer can go on."""

    steps: tuple[Step, ...] = ()
    purpose: str = ""
    """What the way is for, like "To use another name"; empty for the only way."""

    by_hand: str = ""
    """What the user does first, and no command does."""

    when: Mapping[str, str] = field(default_factory=dict)
    """The configuration with which the way applies: values by key, `*` for any value."""

    unless: Mapping[str, str] = field(default_factory=dict)
    """The configuration with which the way does not apply, in the same form."""

    side: str = ""
    """`source` or `target` if the way leads out on that side only."""

    @property
    def heading(self) -> str:
        """The words before its commands."""
        return ", ".join(
            filter(None, (self.purpose, self.by_hand, "then" if self.by_hand and self.steps else ""))
        )

    def applies(self, side: str, config: Mapping[str, str] | None) -> bool:
        """Whether a stack can use the way; of an unknown side or configuration everything is possible."""
        if side and self.side not in ("", side):
            return False
        return config is None or (
            all(_has(config, *each) for each in self.when.items())
            and not any(_has(config, *each) for each in self.unless.items())
        )


def _has(config: Mapping[str, str], key: str, value: str) -> bool:
    found = config.get(key, "")
    # The CLI returns the default of a list too.
    return found not in ("", "[]") if value == "*" else found == value


@dataclass(frozen=True, kw_only=True)
class Failure:
    """One cause of failure."""

    name: str
    """Its name, unique among all failures."""

    why: str
    """What it means, as one sentence."""

    ways: tuple[Way, ...]
    """The ways out, the usual one first."""

    pattern: str = ""
    """A regular expression of its message; empty if a check finds it."""

    seen: str = ""
    """What finds it, if no message does."""

    def followed_by(self, *steps: Step) -> Self:
        """The failure with more steps at the end of each way; a way that has such a step stays as it is."""
        ways = (
            way if set(way.steps) & set(steps) else replace(way, steps=(*way.steps, *steps))
            for way in self.ways
        )
        return replace(self, ways=tuple(ways))


@dataclass(frozen=True)
class Cause:
    """A failure of one stack, with the names that its commands need."""

    failure: Failure
    known: Known = field(default_factory=dict)
    """The names in its commands: `stack`, `source`, `target`, and what is known of its resources."""

    side: str = ""
    config: Mapping[str, str] | None = None
    """The stack's configuration without the namespace of its keys; None if unknown."""

    @property
    def why(self) -> str:
        """What the failure means."""
        return self.failure.why

    def ways(self, words: Callable[[Step], str] | None = None) -> list[tuple[str, list[str]]]:
        """The ways that apply to the stack, each as its purpose and its commands.

        The usual way comes first. `words` returns what a message has in place of a step's command.
        """
        return [
            (way.heading, [words(step) if words else step.command(self.known) for step in way.steps])
            for way in self.failure.ways
            if way.applies(self.side, self.config)
        ]

    @property
    def fixes(self) -> list[tuple[str, list[str]]]:
        """The ways below the word "fix", where the purpose of a single way is superfluous."""
        found = self.ways()
        single = len(found) == 1
        return [("" if single and text.startswith("To ") else text, commands) for text, commands in found]

    @property
    def commands(self) -> list[str]:
        """The command lines of the usual way; empty if that takes no command."""
        return next((commands for _, commands in self.ways()), [])

    @property
    def fix(self) -> str:
        """All ways on one line: a shell accepts the commands of each."""
        return "; ".join(": ".join(filter(None, (why, " && ".join(steps)))) for why, steps in self.fixes)

    def advice(self, words: Callable[[Step], str] | None = None) -> str:
        """All ways for a message: purposes, and one indented line for each command. `words` as in `ways`."""
        lines = list[str]()
        for purpose, commands in self.ways(words):
            lines += [f"{purpose}:" if commands else f"{purpose}."] if purpose else []
            lines += [f"  {command}" for command in commands]
        return "\n".join(lines)

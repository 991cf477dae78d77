"""Lives of a pair of stacks: which answers to the open questions about Azure each of them meets.

python -m tests.engine.lives        writes docs/choices.md
"""

from __future__ import annotations

import os
from pathlib import Path

from sandbox.faults.open_questions import OPEN_QUESTIONS

PAGE = Path(__file__).resolve().parents[2] / "docs/choices.md"

Answers = dict[str, str]
"""A value for each open question."""


def short_set() -> dict[str, Answers]:
    """The lives of `make test`: the first has all default answers, and together they meet every answer."""
    most = max(len(question.values) for question in OPEN_QUESTIONS.values())
    return {f"life {number + 1}": _answers(number) for number in range(most)}


def long_set() -> dict[str, Answers]:
    """The lives of `make soak`: each answer that is not the default, alone."""
    defaults = _answers(0)
    return {
        f"{name} {value}": {**defaults, name: value}
        for name, question in OPEN_QUESTIONS.items()
        for value in list(question.values)[1:]
    }


def lives() -> dict[str, Answers]:
    """The lives to test now."""
    return {**short_set(), **long_set()} if os.environ.get("FUZZ") == "long" else short_set()


def _answers(number: int) -> Answers:
    return {
        name: list(question.values)[number % len(question.values)]
        for name, question in OPEN_QUESTIONS.items()
    }


def page() -> str:
    """The text of docs/choices.md."""
    found = short_set()
    lines = [
        _HEAD.format(count=len(found)),
        "",
        "| choice | value | Azure's answer | lives |",
        "| --- | --- | --- | --- |",
    ]
    for name, question in OPEN_QUESTIONS.items():
        for value, meaning in question.values.items():
            met = ", ".join(
                life.removeprefix("life ") for life, answers in found.items() if answers[name] == value
            )
            default = " (default)" if value == question.default else ""
            lines.append(f"| `{name}` | `{value}`{default} | {meaning} | {met} |")
    return "\n".join(lines) + "\n"


_HEAD = """\
# The program under every answer of Azure

No source states how Azure behaves in these cases. Each is an open question of the sandbox (`python -m
sandbox fault choose`), and its default is the answer that is harder for the program.
`tests/engine/test_lives.py` takes a pair of stacks through its whole life: a failing run, its fix, `up`, an
unchanged preview, `hop` and `prove`, a forced repeat, a pipeline deleted by hand and `refresh`, the switch
from SAS tokens to managed identities and back, `destroy`. It does so {count} times, so that the program
meets every value of every choice, once with a target that imports on request; `make soak` adds one life for
each value alone.

Where Azure refuses to delete a pipeline that runs name (`delete-used`, `conflict`), `pulumi destroy` of a
target with a trigger fails until `acr-transfer clean --older-than 0 --all-runs --yes` has removed the runs of
the trigger: they are in no stack.

`python -m tests.engine.lives` writes this page."""


if __name__ == "__main__":
    PAGE.write_text(page())

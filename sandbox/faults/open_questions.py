"""Questions about Azure's behavior that no source answers, with the answers in open_questions.json."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from sandbox.http.azure_errors import SandboxError


@dataclass(frozen=True)
class OpenQuestion:
    """One question. The first value is the default."""

    question: str
    values: dict[str, str]

    @property
    def default(self) -> str:
        """The value without a choice."""
        return next(iter(self.values))


OPEN_QUESTIONS = {
    name: OpenQuestion(**question)
    for name, question in json.loads(Path(__file__).with_name("open_questions.json").read_text()).items()
}
"""Every open question by its name."""


def require_value(name: str, value: str) -> None:
    """Raise SandboxError unless the open question has this value."""
    if name not in OPEN_QUESTIONS:
        raise SandboxError(f"Unknown open question {name!r}. Open questions: {', '.join(OPEN_QUESTIONS)}.")
    if value not in OPEN_QUESTIONS[name].values:
        values = ", ".join(OPEN_QUESTIONS[name].values)
        raise SandboxError(f"{value!r} is not a value of {name}. Values: {values}.")

"""Questions about Azure's behavior that no source answers, with the answers in open_questions.json."""

import json
from dataclasses import dataclass
from pathlib import Path


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

"""Points on which no source says what Azure does: what this sandbox chose, and what else it can play."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.http.azure_errors import SandboxError


@dataclass(frozen=True)
class OpenQuestion:
    """One open point. The first value is the default."""

    question: str
    values: dict[str, str]

    @property
    def default(self) -> str:
        """What holds where nobody chose."""
        return next(iter(self.values))


OPEN_QUESTIONS = {
    "failed-run": OpenQuestion(
        "How does the operation end of a run that fails?",
        {
            "failed": "Failed, with code PipelineRunFailed and the run's message",
            "succeeded": "Succeeded: only the run itself says Failed",
        },
    ),
    "same-run": OpenQuestion(
        "What does a PUT answer that repeats a run which is still running?",
        {"answer": "200 and the run as it is", "conflict": "409 Conflict"},
    ),
    "delete-running": OpenQuestion(
        "What does a DELETE of a running run answer?",
        {"allow": "200; the transfer stops being told of", "conflict": "409 Conflict"},
    ),
    "delete-used": OpenQuestion(
        "What does a DELETE of a pipeline answer that runs name?",
        {"allow": "200; the runs of its trigger go with it, others stay", "conflict": "409 Conflict"},
    ),
    "existing": OpenQuestion(
        "What becomes of a blob or tag that is there, without the option that overwrites it?",
        {"fail": "the run fails and says which", "skip": "it is left alone, and the run succeeds"},
    ),
    "partial": OpenQuestion(
        "How does a run end that ContinueOnErrors let go on?",
        {"succeeded": "Succeeded, with what was left behind in its error message", "failed": "Failed"},
    ),
    "progress": OpenQuestion(
        "Which percentages does a run go through?",
        {"steps": "as the bytes go", "ends": "0, then 100"},
    ),
    "trigger-name": OpenQuestion(
        "How are the trigger's runs named?",
        {"underscore": "pipeline_1a2b3c4d", "plain": "pipeline1a2b3c4d"},
    ),
    "run-order": OpenQuestion(
        "In which order are runs listed?",
        {"oldest": "the oldest first", "newest": "the newest first"},
    ),
    "bad-run": OpenQuestion(
        "When is a run refused whose request makes no sense (51 artifacts, none, no blob)?",
        {"put": "its PUT answers 400 BadRequest", "run": "it is accepted and fails"},
    ),
    "unfit-registry": OpenQuestion(
        "When does a registry that is not Premium, or whose exports are off, refuse?",
        {"put": "the PUT of a pipeline answers 400", "run": "the run fails"},
    ),
    "vault-uri-unused": OpenQuestion(
        "What becomes of a key vault URI in a pipeline with ManagedIdentity?",
        {"keep": "it is kept, shown, and not used", "refuse": "the PUT answers 400 BadRequest"},
    ),
    "vault-uri-missing": OpenQuestion(
        "What becomes of a pipeline with SasToken and no key vault URI?",
        {"refuse": "the PUT answers 400", "run": "it is accepted and its runs fail"},
    ),
    "polls": OpenQuestion(
        "How often does a long operation answer that it is not done, once all work is done?",
        {"1": "once", "0": "never", "3": "three times"},
    ),
    "page-size": OpenQuestion(
        "How many entries does a list answer before it goes on with nextLink?",
        {"100": "a hundred", "2": "two"},
    ),
    "missing-parent": OpenQuestion(
        "With which status is ParentResourceNotFound answered?", {"404": "404", "400": "400"}
    ),
}
"""Every open point by its name."""


def checked(name: str, value: str) -> str:
    """The value, where it is one that the open point can have."""
    if name not in OPEN_QUESTIONS:
        raise SandboxError(f"There is no open point {name!r}. Open points: {', '.join(OPEN_QUESTIONS)}.")
    if value not in OPEN_QUESTIONS[name].values:
        known = ", ".join(OPEN_QUESTIONS[name].values)
        raise SandboxError(f"{name} cannot be {value!r}. It can be: {known}.")
    return value

"""Questions about Azure's behavior that no source answers, with the sandbox's possible answers."""

from __future__ import annotations

from dataclasses import dataclass

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


_CONFLICT = "409 Conflict"
OPEN_QUESTIONS = {
    "failed-run": OpenQuestion(
        "What is the status of a failed run's operation?",
        {
            "failed": "Failed, with code PipelineRunFailed and the run's message",
            "succeeded": "Succeeded; only the run itself is Failed",
        },
    ),
    "same-run": OpenQuestion(
        "What does a repeated PUT of a running run return?",
        {"answer": "200 with the running run", "conflict": _CONFLICT},
    ),
    "delete-running": OpenQuestion(
        "What does the DELETE of a running run return?",
        {"allow": "200; the transfer stops", "conflict": _CONFLICT},
    ),
    "delete-used": OpenQuestion(
        "What does the DELETE of a pipeline with runs return?",
        {"allow": "200; runs of its trigger are deleted, other runs remain", "conflict": _CONFLICT},
    ),
    "existing": OpenQuestion(
        "What happens to an existing blob or tag without the overwrite option?",
        {"fail": "the run fails and names it", "skip": "it is skipped and the run succeeds"},
    ),
    "partial": OpenQuestion(
        "What is the status of a run that ContinueOnErrors continued?",
        {"succeeded": "Succeeded, with the skipped artifacts in its error message", "failed": "Failed"},
    ),
    "progress": OpenQuestion(
        "Which percentages does a run report?", {"steps": "the transferred share", "ends": "0, then 100"}
    ),
    "trigger-name": OpenQuestion(
        "How are the runs of a trigger named?",
        {"underscore": "pipeline_1a2b3c4d", "plain": "pipeline1a2b3c4d"},
    ),
    "run-order": OpenQuestion(
        "In which order are runs listed?", {"oldest": "oldest first", "newest": "newest first"}
    ),
    "bad-run": OpenQuestion(
        "When is an invalid run refused (51 artifacts, no artifacts, no blob)?",
        {"put": "its PUT returns 400 BadRequest", "run": "the run is accepted and fails"},
    ),
    "unfit-registry": OpenQuestion(
        "When is a registry refused that is not Premium or has exports disabled?",
        {"put": "the PUT of a pipeline returns 400", "run": "the run fails"},
    ),
    "vault-uri-unused": OpenQuestion(
        "What happens to the key vault URI of a pipeline with ManagedIdentity?",
        {"keep": "it is stored and returned, but not used", "refuse": "the PUT returns 400 BadRequest"},
    ),
    "vault-uri-missing": OpenQuestion(
        "What happens to a pipeline with SasToken and without a key vault URI?",
        {"refuse": "the PUT returns 400", "run": "it is accepted and its runs fail"},
    ),
    "polls": OpenQuestion(
        "How often does a completed operation report that it is not done?",
        {"1": "once", "0": "never", "3": "three times"},
    ),
    "page-size": OpenQuestion(
        "How many entries does a page of a list have?", {"100": "a hundred", "2": "two"}
    ),
    "missing-parent": OpenQuestion(
        "What is the status of ParentResourceNotFound?", {"404": "404", "400": "400"}
    ),
}
"""Every open question by its name."""


def require_value(name: str, value: str) -> None:
    """Raise SandboxError unless the open question has this value."""
    if name not in OPEN_QUESTIONS:
        raise SandboxError(f"Unknown open question {name!r}. Open questions: {', '.join(OPEN_QUESTIONS)}.")
    if value not in OPEN_QUESTIONS[name].values:
        values = ", ".join(OPEN_QUESTIONS[name].values)
        raise SandboxError(f"{value!r} is not a value of {name}. Values: {values}.")

"""The worst mistakes, each found in a preview, before anything is made: by the real engine on the sandbox."""

from __future__ import annotations

import base64
import json
import os
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from urllib.parse import quote

import pytest

from sandbox.facts import SOURCE
from tests.engine.projects import Project
from tests.policy_engine.reviews import Reviewed, review

MISTAKES = {
    "http-uri": ("pipeline-https", "http"),
    "tls-1.0": ("storage-min-tls", "TLS1_0"),
    "public-container": ("storage-container-private", "exports"),
    "shared-container": ("container-per-pipeline", "exportThird"),
    "too-many-rights": ("sas-permissions", "sends"),
    "no-question-mark": ("sas-question-mark", "?"),
    "expiry-mismatch": ("secret-expiry", "SAS"),
    "51-artifacts": ("run-artifact-count", "51"),
    "wrong-cloud": ("pipeline-cloud-suffix", "usgovcloudapi"),
    "missing-grant": ("vault-identity-can-read", "exportFirst"),
    "delete-without-d": ("import-delete-permission", "importFifth"),
    "sas-in-output": ("no-sas-in-outputs", "place"),
}
"""Each mistake, the rule that finds it, and what its message must name."""

SIGNATURE = base64.b64encode(os.urandom(32)).decode().rstrip("=")
Previewed = Callable[[Iterable[str]], Reviewed]


@pytest.fixture(scope="module")
def previewed(
    tmp_path_factory: pytest.TempPathFactory, checkout: Path, sandbox_environment: dict[str, str]
) -> Previewed:
    """Reviews a preview of the program with some of the mistakes."""
    folder = tmp_path_factory.mktemp("mistakes")
    shutil.copy(Path(__file__).with_name("mistakes.py"), folder / "__main__.py")
    runtime = {"name": "python", "options": {"virtualenv": str(checkout / ".venv")}}
    (folder / "Pulumi.yaml").write_text(json.dumps({"name": "mistakes", "runtime": runtime}))
    project = Project(folder, sandbox_environment | {"MISTAKES_SIGNATURE": quote(SIGNATURE, safe="")})
    stack = project.stack("mistakes", SOURCE)

    def with_mistakes(mistakes: Iterable[str]) -> Reviewed:
        config = project.config(stack)
        config["config"]["mistakes:mistakes"] = list(mistakes)
        (folder / f"Pulumi.{stack}.yaml").write_text(json.dumps(config))
        return review(folder, project.environment, stack)

    return with_mistakes


@pytest.fixture(scope="module")
def all_at_once(previewed: Previewed) -> Reviewed:
    return previewed(MISTAKES)


def test_without_a_mistake_nothing_is_found(previewed: Previewed) -> None:
    found = previewed(())
    assert (found.code, found.violations) == (0, []), found.said


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_forbids_the_deployment_and_says_what_to_do(mistake: str, all_at_once: Reviewed) -> None:
    rule, named = MISTAKES[mistake]
    found = [each for each in all_at_once.violations if each["rule"] == rule]
    assert found, all_at_once.said
    assert {each["level"] for each in found} == {"mandatory"}
    assert any(named in each["what"] for each in found)
    assert all(each["mend"] and each["url"] for each in found)


def test_mistakes_end_with_another_exit_code_than_0_and_show_nothing_else(all_at_once: Reviewed) -> None:
    assert all_at_once.code == 1
    assert all_at_once.rules() == {rule for rule, _ in MISTAKES.values()}


def test_no_token_is_shown_whatever_is_wrong_with_it(all_at_once: Reviewed) -> None:
    for spelling in (SIGNATURE, quote(SIGNATURE, safe=""), quote(quote(SIGNATURE, safe=""), safe="")):
        assert spelling not in all_at_once.everything

"""The worst mistakes are found in a preview by the real engine on the sandbox."""

from __future__ import annotations

import base64
import json
import os
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from urllib.parse import quote

import pytest

from sandbox.cloud.definitions import SOURCE
from tests.engine.projects import Project
from tests.policy_engine.reviews import POLICY, Reviewed, review

MISTAKES = {
    "http-uri": ("pipeline-https", "HTTP"),
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
"""Each mistake, the rule that finds it, and a word of its message."""

SIGNATURE = base64.b64encode(os.urandom(32)).decode().rstrip("=")
Previewed = Callable[..., Reviewed]

THROWING = """
from pulumi_policy import Severity

from policy.framework.resource_types import SECRET
from policy.framework.rule import Control, ResourceRule


def throws(secret):
    '''It is broken.'''
    raise ValueError(secret.peek("properties.value"))
    yield


_ABOUT = {"severity": Severity.HIGH, "control": Control.CONFIGURATION}
_WORDS = {"fix": "Correct the rule.", "url": "https://example.invalid"}
ALL = (*ALL, ResourceRule(types=(SECRET,), **_ABOUT, **_WORDS)(throws))
"""
"""A rule that raises an error with a secret in its text, for the end of the catalogue."""


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

    def with_mistakes(mistakes: Iterable[str], *options: str, policy: Path = POLICY) -> Reviewed:
        config = project.config(stack)
        config["config"]["mistakes:mistakes"] = list(mistakes)
        (folder / f"Pulumi.{stack}.yaml").write_text(json.dumps(config))
        return review(folder, project.environment, *options, stack, policy=policy)

    return with_mistakes


@pytest.fixture(scope="module")
def all_at_once(previewed: Previewed) -> Reviewed:
    return previewed(MISTAKES)


def test_a_program_without_mistakes_has_no_violations(previewed: Previewed) -> None:
    found = previewed(())
    assert (found.code, found.violations) == (0, []), found.text


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_forbids_the_deployment_and_its_message_has_the_fix(
    mistake: str, all_at_once: Reviewed
) -> None:
    rule, named = MISTAKES[mistake]
    found = [each for each in all_at_once.violations if each["rule"] == rule]
    assert found, all_at_once.text
    assert {each["level"] for each in found} == {"mandatory"}
    assert any(named in each["what"] for each in found)
    assert all(each["fix"] and each["url"] for each in found)


def test_mistakes_give_exit_code_1_and_no_other_mandatory_violations(all_at_once: Reviewed) -> None:
    assert all_at_once.code == 1
    assert all_at_once.rules() == {rule for rule, _ in MISTAKES.values()}


def test_no_output_shows_a_token(all_at_once: Reviewed) -> None:
    for spelling in (SIGNATURE, quote(SIGNATURE, safe=""), quote(quote(SIGNATURE, safe=""), safe="")):
        assert spelling not in all_at_once.everything


def test_a_waiver_holds_until_its_last_day_and_no_longer(previewed: Previewed, tmp_path: Path) -> None:
    valid = {"resource": "acc*", "reason": "The old client goes in May.", "until": "2099-05-31"}
    expired = {"resource": "*", "reason": "For the demo.", "until": "2026-01-31"}
    waivers = tmp_path / "waivers.json"
    waivers.write_text(json.dumps({"storage-min-tls": [valid], "storage-container-private": [expired]}))
    found = previewed(("tls-1.0", "public-container"), "--waivers", str(waivers))
    (waived,) = [each for each in found.violations if each["level"] == "waived"]
    assert (waived["rule"], waived["until"], waived["reason"]) == (
        "storage-min-tls",
        "2099-05-31",
        "The old client goes in May.",
    )
    assert found.rules("mandatory") == {"storage-container-private"}
    assert found.code == 1
    assert "Its waiver expired on 2026-01-31 (For the demo.)." in " ".join(found.text.split())


def test_a_rule_that_raises_gives_one_violation_without_values(
    previewed: Previewed, tmp_path: Path, checkout: Path
) -> None:
    pack = tmp_path / "policy"
    shutil.copytree(POLICY, pack, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / ".venv").symlink_to(checkout / ".venv")
    with (pack / "rules/catalogue.py").open("a") as catalogue:
        catalogue.write(THROWING)
    found = previewed((), policy=pack)
    assert found.code == 1
    reported = {each["what"] for each in found.violations if each["rule"] == "throws"}
    assert reported == {"policy throws could not be evaluated: ValueError"}
    assert SIGNATURE not in found.everything
    assert quote(SIGNATURE, safe="") not in found.everything

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

from sandbox.cloud.definitions import SOURCE
from tests.engine.projects import Project
from tests.policy_engine.reviews import POLICY, Reviewed, review

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
Previewed = Callable[..., Reviewed]

THROWING = """
from pulumi_policy import EnforcementLevel, Severity

from policy.framework.controls import Control
from policy.framework.resource_types import SECRET
from policy.framework.rule import resource_rule


def throws(secret):
    '''It is broken.'''
    raise ValueError(secret.peek("properties.value"))
    yield


_ABOUT = {"level": EnforcementLevel.MANDATORY, "severity": Severity.LOW, "control": Control.CONFIGURATION}
_WORDS = {"fix": "Correct the rule.", "url": "https://example.invalid"}
ALL = (*ALL, resource_rule("throws", SECRET, **_ABOUT, **_WORDS)(throws))
"""
"""A rule that shows what it has read when it breaks, at the end of the pack's catalogue."""


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
    assert all(each["fix"] and each["url"] for each in found)


def test_mistakes_end_with_another_exit_code_than_0_and_show_nothing_else(all_at_once: Reviewed) -> None:
    assert all_at_once.code == 1
    assert all_at_once.rules() == {rule for rule, _ in MISTAKES.values()}


def test_no_token_is_shown_whatever_is_wrong_with_it(all_at_once: Reviewed) -> None:
    for spelling in (SIGNATURE, quote(SIGNATURE, safe=""), quote(quote(SIGNATURE, safe=""), safe="")):
        assert spelling not in all_at_once.everything


def test_a_waiver_lets_pass_until_its_last_day_and_no_longer(previewed: Previewed, tmp_path: Path) -> None:
    passes = {"resource": "acc*", "reason": "The old client goes in May.", "until": "2099-05-31"}
    ended = {"resource": "*", "reason": "For the show.", "until": "2026-01-31"}
    waivers = tmp_path / "waivers.json"
    waivers.write_text(json.dumps({"storage-min-tls": [passes], "storage-container-private": [ended]}))
    found = previewed(("tls-1.0", "public-container"), "--waivers", str(waivers))
    (waived,) = [each for each in found.violations if each["level"] == "waived"]
    assert (waived["rule"], waived["until"], waived["reason"]) == (
        "storage-min-tls",
        "2099-05-31",
        "The old client goes in May.",
    )
    assert found.rules("mandatory") == {"storage-container-private"}
    assert found.code == 1
    assert "Its waiver expired on 2026-01-31 (For the show.)." in " ".join(found.said.split())


def test_a_rule_that_throws_is_one_violation_without_values(
    previewed: Previewed, tmp_path: Path, checkout: Path
) -> None:
    pack = tmp_path / "policy"
    shutil.copytree(POLICY, pack, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / ".venv").symlink_to(checkout / ".venv")
    with (pack / "rules/catalogue.py").open("a") as catalogue:
        catalogue.write(THROWING)
    found = previewed((), policy=pack)
    assert found.code == 1
    told = {each["what"] for each in found.violations if each["rule"] == "throws"}
    assert told == {"policy throws could not be evaluated: ValueError"}
    assert SIGNATURE not in found.everything
    assert quote(SIGNATURE, safe="") not in found.everything

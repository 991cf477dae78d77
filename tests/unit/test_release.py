"""What a release consists of: one version, licenses that are known, and a package with its types."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PIP_LICENSES = str(Path(sys.executable).with_name("pip-licenses"))


def licenses(*options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([PIP_LICENSES, *options], cwd=ROOT, capture_output=True, text=True, check=False)


def test_the_project_the_components_and_the_policy_pack_have_one_version() -> None:
    components = re.findall(r'version="([^"]+)"', (ROOT / "components" / "__main__.py").read_text())
    pack = yaml.safe_load((ROOT / "policy" / "PulumiPolicy.yaml").read_text())["version"]
    assert [*components, pack] == [PROJECT["version"]] * 2


def test_the_tag_of_a_release_is_the_version() -> None:
    command = ["git", "tag", "--points-at", "HEAD", "v*"]
    tags = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout.split()
    assert set(tags) <= {f"v{PROJECT['version']}"}


def test_every_package_has_a_permitted_license() -> None:
    listed = licenses()
    assert listed.returncode == 0, listed.stderr
    for name in ("acr-transfer", "pulumi", "aiohttp", "ruff"):
        assert re.search(rf"^ *{name} ", listed.stdout, re.MULTILINE)


def test_a_license_that_is_not_permitted_fails() -> None:
    assert licenses("--allow-only", "Apache-2.0").returncode != 0


def test_a_hook_runs_the_lint_of_the_repository() -> None:
    (repository,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    assert [hook["entry"] for hook in repository["hooks"]] == ["make lint"]
